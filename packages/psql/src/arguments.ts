/** Reads the arguments of a meta-command by the rules of psql: quotes, escapes, variables, and where an argument ends. */
import { isUtf8 } from "node:buffer";
import { isSpaceCode } from "./characters.ts";
import { quoteIdentifier, quoteLiteral } from "./quoting.ts";
import type { ScannerHooks } from "./scan-state.ts";
import { referenceAt } from "./scanner.ts";

export type Argument = {
  value: string;
  /** It held quotes or a variable, so `-n`, `-` and the like are not meant as options. */
  quoted: boolean;
  /** It held a variable, so what it is was not written here. */
  variable: boolean;
  /** Where it stands in the line. */
  start: number;
  end: number;
};

/** How the arguments of a command are read. */
export type ArgumentForm = "words" | "line" | "pipe" | "connection";

export type ArgumentReader = {
  text: string;
  at: number;
  hooks: Pick<ScannerHooks, "variable">;
  /** In a branch of \if that is not taken nothing is evaluated. */
  active: boolean;
};

export class ArgumentError extends Error {
  override name = "ArgumentError";
  code: "unterminated" | "refused_command" | "invalid_utf8";

  constructor(code: ArgumentError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** The name of the command, whose backslash lies before `at`. */
export function readName(reader: ArgumentReader): string {
  const start = reader.at;
  const { text } = reader;
  while (reader.at < text.length && !endsWord(text, reader.at)) reader.at += 1;
  return text.slice(start, reader.at);
}

/** The rest of the line without the blanks before it; null when there is nothing. */
export function readLine(reader: ArgumentReader): Argument | null {
  skipBlanks(reader);
  const start = reader.at;
  const end = reader.text.length;
  reader.at = end;
  if (start === end) return null;
  return { value: reader.text.slice(start), quoted: false, variable: false, start, end };
}

/** The next argument; null when there is none. `strip` takes semicolons off its end, as most commands want. */
export function readArgument(
  reader: ArgumentReader,
  form: ArgumentForm,
  strip: boolean,
): Argument | null {
  skipBlanks(reader);
  if (form === "line" || (form === "pipe" && reader.text[reader.at] === "|")) {
    return readLine(reader);
  }
  const start = reader.at;
  const word: Word = { value: "", bare: 0, quoted: false, variable: false };
  while (reader.at < reader.text.length && !endsWord(reader.text, reader.at)) {
    readPart(reader, word);
  }
  const { quoted, variable } = word;
  let { value } = word;
  for (let left = word.bare; strip && left > 0 && value.endsWith(";"); left -= 1) {
    value = value.slice(0, -1);
  }
  if (form === "connection") value = withoutDoubleQuotes(value);
  if (value === "" && !quoted) return null;
  return { value, quoted, variable, start, end: reader.at };
}

/** Goes over the \\ that may end a command. */
export function skipCommandEnd(reader: ArgumentReader): void {
  if (reader.text.startsWith("\\\\", reader.at)) reader.at += 2;
}

type Word = {
  value: string;
  /** How many characters at its end were not quoted. */
  bare: number;
  quoted: boolean;
  variable: boolean;
};

function readPart(reader: ArgumentReader, word: Word): void {
  const { text, at } = reader;
  const char = text[at]!;
  if (char === "'") readQuoted(reader, word);
  else if (char === "`") readBackticks(reader, word);
  else if (char === '"') {
    const close = text.indexOf('"', at + 1);
    if (close === -1) throw unterminated(char);
    word.value += text.slice(at, close + 1);
    reader.at = close + 1;
    word.quoted = true;
    word.bare = 0;
  } else if (char !== ":" || !readReference(reader, word)) {
    word.value += char;
    word.bare += 1;
    reader.at += 1;
  }
}

function readReference(reader: ArgumentReader, word: Word): boolean {
  const reference = referenceAt(reader.text, reader.at);
  if (reference === null) return false;
  const { name, form, end } = reference;
  const value = reader.active ? reader.hooks.variable(name, form) : undefined;
  if (form === "test") word.value += value === undefined ? "FALSE" : "TRUE";
  else if (value === undefined) word.value += reader.text.slice(reader.at, end);
  else if (form === "literal") word.value += quoteLiteral(value);
  else word.value += form === "identifier" ? quoteIdentifier(value) : value;
  reader.at = end;
  word.variable = true;
  if (form !== "test") {
    word.quoted = true;
    word.bare = 0;
  }
  return true;
}

function readBackticks(reader: ArgumentReader, word: Word): void {
  const close = reader.text.indexOf("`", reader.at + 1);
  if (close === -1) throw unterminated("`");
  if (reader.active) {
    throw new ArgumentError(
      "refused_command",
      "A command in backticks is not run: a script cannot start programs. Pass its output as a variable.",
    );
  }
  reader.at = close + 1;
  word.quoted = true;
  word.bare = 0;
}

const QUOTED_PART = /''|\\[0-7]{1,3}|\\x[0-9A-Fa-f]{1,2}|\\.|[^'\\]+/suy;
const ESCAPES: Record<string, string> = { n: "\n", t: "\t", b: "\b", r: "\r", f: "\f" };

/** Text in single quotes, with '' and the escapes of psql. Numbers are bytes, which must make up UTF-8. */
function readQuoted(reader: ArgumentReader, word: Word): void {
  const parts: Buffer[] = [];
  QUOTED_PART.lastIndex = reader.at + 1;
  let at = reader.at + 1;
  for (let part = QUOTED_PART.exec(reader.text); part; part = QUOTED_PART.exec(reader.text)) {
    parts.push(unescaped(part[0]));
    at = QUOTED_PART.lastIndex;
  }
  if (reader.text[at] !== "'") throw unterminated("'");
  reader.at = at + 1;
  const bytes = Buffer.concat(parts);
  if (!isUtf8(bytes) || bytes.includes(0)) {
    throw new ArgumentError(
      "invalid_utf8",
      "The escapes in this argument make bytes that are no UTF-8 text, or a NUL. Write the characters themselves.",
    );
  }
  word.value += bytes.toString("utf8");
  word.quoted = true;
  word.bare = 0;
}

function unescaped(part: string): Buffer {
  if (part === "''") return Buffer.from("'");
  if (!part.startsWith("\\")) return Buffer.from(part);
  const body = part.slice(1);
  if (/^[0-7]/.test(body)) return Buffer.from([Number.parseInt(body, 8) & 0xff]);
  if (/^x[0-9A-Fa-f]/.test(body)) return Buffer.from([Number.parseInt(body.slice(1), 16)]);
  return Buffer.from(ESCAPES[body] ?? body);
}

function unterminated(quote: string): ArgumentError {
  return new ArgumentError(
    "unterminated",
    `The ${quote} of an argument is not closed on this line. Close it; a meta-command ends with its line.`,
  );
}

function withoutDoubleQuotes(value: string): string {
  return value.replaceAll(/"((?:[^"]|"")*)"/g, (_, inner: string) => inner.replaceAll('""', '"'));
}

function skipBlanks(reader: ArgumentReader): void {
  while (isSpaceCode(reader.text.charCodeAt(reader.at))) reader.at += 1;
}

function endsWord(text: string, at: number): boolean {
  return text[at] === "\\" || isSpaceCode(text.charCodeAt(at));
}
