import fc from "fast-check";
import { expect, test } from "vitest";
import { AT_END, ByteLines, type Line, NEEDS_MORE } from "./byte-lines.ts";
import { clearText, createScanner, skipTo, startLine, topSource } from "./scan-state.ts";
import { scan } from "./scanner.ts";

/** The statements of a script without meta-commands, what is left at its end, and what the scanner is in then. */
function cut(text: string, pieces = 1, variables: Record<string, string> = {}) {
  const scanner = createScanner({
    variable: (name) => variables[name],
    marked: null,
    mayMark: () => false,
  });
  const statements: string[] = [];
  for (const line of linesOf(Buffer.from(text), pieces)) {
    if (!startLine(scanner, line, true)) continue;
    for (let found = scan(scanner); found !== "end"; found = scan(scanner)) {
      if (found === "overflow") throw new Error(found);
      if (found === "semicolon") {
        statements.push(scanner.text);
        clearText(scanner);
      } else skipTo(topSource(scanner), topSource(scanner).text.length);
    }
  }
  return { statements, rest: scanner.text, mode: scanner.mode.in, segments: scanner.segments };
}

function linesOf(bytes: Buffer, pieces: number): Line[] {
  const lines = new ByteLines();
  const found: Line[] = [];
  const size = Math.max(1, Math.ceil(bytes.length / pieces));
  for (let at = 0; ; at += size) {
    if (at < bytes.length) lines.push(bytes.subarray(at, at + size));
    else lines.end();
    for (let line = lines.takeLine(); line !== NEEDS_MORE; line = lines.takeLine()) {
      if (line === AT_END) return found;
      if ("bad" in line) throw new Error(line.bad);
      found.push(line);
    }
  }
}

/** Pieces of scripts that open and close everything the scanner follows. */
const fragment = fc.constantFrom(
  "'",
  "''",
  '"',
  "$$",
  "$a$",
  "/*",
  "*/",
  "--",
  "\n",
  "\r",
  " ",
  ";",
  "(",
  ")",
  "E'",
  "\\\\",
  "\\;",
  ":a",
  ":'a'",
  ":{?a}",
  "::",
  "create function f() begin atomic",
  "end",
  "case",
  "é",
  "😀",
  "x1$",
  "1e",
);
const script = fc.array(fragment, { maxLength: 40 }).map((parts) => parts.join(""));

test("a script is cut alike however its bytes arrive", () => {
  fc.assert(
    fc.property(script, fc.integer({ min: 2, max: 50 }), (text, pieces) => {
      expect(cut(text, pieces)).toEqual(cut(text));
    }),
    { numRuns: 500 },
  );
});

test("nothing of a script is lost or made up", () => {
  const plain = fc
    .array(fragment, { maxLength: 40 })
    .map((parts) => parts.join("").replaceAll(/[\\:]|--/g, ""));
  fc.assert(
    fc.property(plain, (text) => {
      const { statements, rest } = cut(text);
      const solid = (part: string) => part.replaceAll(/\s/g, "");
      expect(solid(statements.join("") + rest)).toBe(solid(text));
    }),
    { numRuns: 500 },
  );
});

test("two scripts that are closed are cut as each by itself", () => {
  fc.assert(
    fc.property(script, script, (one, other) => {
      const first = cut(`${one}\n;\n`);
      fc.pre(first.rest === "" && first.mode === "code");
      const both = cut(`${one}\n;\n${other}`);
      const second = cut(other);
      expect(both.statements).toEqual([...first.statements, ...second.statements]);
      expect(both.rest).toBe(second.rest);
    }),
    { numRuns: 500 },
  );
});

test("any bytes are either lines or told to be none", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const lines = new ByteLines(bytes);
      let line = lines.takeLine();
      while (line !== AT_END && line !== NEEDS_MORE && !("bad" in line)) line = lines.takeLine();
      expect(line === AT_END || typeof line === "object").toBe(true);
    }),
  );
});

test("data of COPY is taken alike however its bytes arrive", () => {
  const part = fc.constantFrom("\\.", "\n", "\r\n", "a", "\\", ".", "\\.\n", "x".repeat(70_000));
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 12 }),
      fc.integer({ min: 2, max: 9 }),
      (parts, pieces) => {
        const text = parts.join("");
        expect(takeData(text, pieces)).toEqual(takeData(text, 1));
        const end = /(?:^|\n)\\\.(?:\r?\n|\r?$)/.exec(text);
        const expected =
          end === null ? text : text.slice(0, end.index + (end[0].startsWith("\n") ? 1 : 0));
        expect(takeData(text, 1).data).toBe(expected);
      },
    ),
    { numRuns: 300 },
  );
});

function takeData(text: string, pieces: number) {
  const bytes = Buffer.from(text);
  const lines = new ByteLines();
  const size = Math.max(1, Math.ceil(bytes.length / pieces));
  const taken: Uint8Array[] = [];
  for (let at = 0; ; at += size) {
    if (at < bytes.length) lines.push(bytes.subarray(at, at + size));
    else lines.end();
    for (let piece = lines.takeCopyData(); piece !== NEEDS_MORE; piece = lines.takeCopyData()) {
      if (piece === AT_END) {
        return { data: Buffer.concat(taken).toString(), line: lines.line, offset: lines.offset };
      }
      taken.push(piece);
    }
  }
}

test("hostile scripts take linear time", () => {
  const hostile = [
    "'",
    "E'\\",
    '"',
    "$a$ $b$",
    "/*",
    "(",
    ":a\n",
    ":{?",
    ";",
    "create function f begin ",
    "'\n",
    "/*\n",
    "\n",
    "$",
    "--\n",
  ];
  const timeOf = (unit: string, count: number) => {
    const text = unit.repeat(count);
    const began = process.cpuUsage();
    cut(text, 1, { a: "b" });
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1000;
  };
  for (const unit of hostile) {
    timeOf(unit, 1_000);
    // Quadratic work would take 25 times as long for five times the text, and minutes at this length.
    const small = Math.min(timeOf(unit, 20_000), timeOf(unit, 20_000));
    expect(timeOf(unit, 100_000), unit).toBeLessThan(20 * small + 1_000);
  }
});

/** Variables each of which holds the next one twice, and the last nothing. */
function bomb(levels: number): Record<string, string> {
  const names = ["a", ...Array.from({ length: levels }, (_, level) => `b${level}`)];
  return Object.fromEntries(
    names.map((name, level) => [
      name,
      level === levels ? "" : `:${names[level + 1]}:${names[level + 1]}`,
    ]),
  );
}

test("values of variables that hold each other end", () => {
  const doubling = Object.fromEntries(
    Array.from({ length: 8 }, (_, level) => [`v${level}`, `:v${level + 1} :v${level + 1}`]),
  );
  expect(cut("select :v0;", 1, { ...doubling, v8: "1" }).statements[0]).toHaveLength(
    "select ".length + 2 * 256,
  );
  expect(() => cut("select :a;", 1, bomb(40))).toThrow("overflow");
  expect(cut("select :a;", 1, { a: ":b", b: ":a + 1" }).statements).toEqual(["select :a + 1;"]);
});
