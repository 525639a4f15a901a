/** Goes through a script as a run would, with what is known before it runs; of branches in doubt through all. */
import type { Analysis, AnalysisInput } from "./analysis.ts";
import { AT_END, ByteLines, type Line, NEEDS_MORE } from "./byte-lines.ts";
import { isActive } from "./conditions.ts";
import {
  badLineFault,
  CUSTOM_DUMP,
  MAX_STATEMENT,
  missingFault,
  STATEMENT_TOO_LARGE,
  settingFault,
  UNBALANCED,
  unterminatedFault,
} from "./faults.ts";
import { knownVariables } from "./known-variables.ts";
import { clearText, createScanner, startLine } from "./scan-state.ts";
import { scan } from "./scanner.ts";
import type { Place } from "./session.ts";
import { statesOrder } from "./statement-facts.ts";
import { admitValue } from "./variables.ts";
import { mayBeVolatile } from "./volatility.ts";
import { walkCommand } from "./walk-commands.ts";
import {
  type Asked,
  addFile,
  addProblem,
  digestOf,
  isSure,
  keyText,
  linePlace,
  readKnown,
  startPlace,
  statementPlace,
  type Walk,
  type WalkFrame,
} from "./walk-state.ts";
import { addVolatile, EVALUATED, markVolatile, walkBuffer } from "./walk-statements.ts";

/** Of all files together, each counted as often as it is read. */
const MAX_BYTES = 1024 * 1024 * 1024;

export function walkEntry(input: AnalysisInput): { analysis: Analysis; asked: Asked } {
  const walk: Walk = {
    input,
    known: knownVariables(input),
    asked: new Map(),
    files: [],
    parts: [],
    problems: [],
    volatile: new Map(),
    writes: new Set(),
    kinds: new Map(),
    checkpoints: [],
    dynamic: null,
    statements: 0,
    includes: 0,
    bytes: 0,
    last: "",
    restricted: null,
    standardStrings: true,
    sawUnknown: false,
    inCommand: false,
  };
  walkFile(walk, input.entry, [], startPlace(input.entry), null);
  const { given, session, all } = walk.known;
  return { analysis: analysisOf(walk), asked: { files: walk.asked, given, session, all } };
}

function analysisOf(walk: Walk): Analysis {
  const { files, parts, problems, checkpoints, dynamic, statements } = walk;
  const variables = [...walk.known.given].map(([name, value]) => ({ name, value }));
  return {
    entry: walk.input.entry,
    files,
    dynamic,
    variables: variables.sort((a, b) => (a.name < b.name ? -1 : 1)),
    volatile: [...walk.volatile.values()],
    writes: [...walk.writes],
    kinds: [...walk.kinds].map(([kind, place]) => ({ kind, ...place })),
    ordered: walk.last === "" ? null : statesOrder(walk.last),
    checkpoints,
    problems,
    statements,
    parts,
  };
}

/** Walks through a file; `from` is where it is included, in `outer`. */
function walkFile(
  walk: Walk,
  path: string,
  chain: string[],
  from: Place,
  outer: WalkFrame | null,
): void {
  const digest = digestOf(walk, path);
  const bytes = digest === null ? null : walk.input.files.read(path);
  const frame = frameOf(walk, path, chain, bytes ?? new Uint8Array(0), digest ?? "", outer);
  if (outer === null) checkGiven(walk, frame);
  if (digest === null || bytes === null) {
    walk.parts.push({ part: "missing" });
    addProblem(walk, outer ?? frame, missingFault(path), from, false);
    return;
  }
  walk.bytes += bytes.length;
  if (walk.bytes > MAX_BYTES) {
    addProblem(walk, frame, { ...STATEMENT_TOO_LARGE, message: TOO_MANY_BYTES }, from);
    return;
  }
  addFile(walk, path, digest, "script");
  walk.parts.push({ part: "file" });
  walkLines(walk, frame);
  keyText(walk, frame, bytes.length, bytes.length);
  walk.parts.push({ part: "end" });
}

const TOO_MANY_BYTES =
  "The files of this script have more than 1 GiB together, each counted as often as it is included.";

function frameOf(
  walk: Walk,
  path: string,
  chain: string[],
  bytes: Uint8Array,
  digest: string,
  outer: WalkFrame | null,
): WalkFrame {
  const frame: WalkFrame = {
    path,
    chain: [...chain, path],
    bytes,
    digest,
    lines: new ByteLines(bytes),
    scanner: createScanner({
      variable(name, form) {
        if (!isActive(frame.conditions)) return undefined;
        // Each instance listens at a place of its own.
        if (name === "HOST" || name === "PORT") {
          const found = { what: name, kind: "session", ...EVALUATED } as const;
          addVolatile(walk, frame, found, frame.lines.line);
        }
        return readKnown(walk, name, form === "plain" && !walk.inCommand);
      },
      marked: (mark) => markVolatile(walk, frame, mark),
      mayMark: mayBeVolatile,
    }),
    conditions: [],
    certain: outer === null || isSure(outer),
    keyed: 0,
    previous: null,
  };
  return frame;
}

function checkGiven(walk: Walk, frame: WalkFrame): void {
  for (const [name, value] of Object.entries(walk.input.variables)) {
    const admitted = admitValue(name, value);
    const fault =
      "problem" in admitted
        ? ({ code: "invalid_argument", message: admitted.problem } as const)
        : settingFault(name, admitted.value);
    if (fault !== null) addProblem(walk, frame, fault, startPlace(frame.path));
  }
}

function walkLines(walk: Walk, frame: WalkFrame): void {
  for (;;) {
    const line = frame.lines.takeLine();
    if (line === AT_END || line === NEEDS_MORE) break;
    if ("bad" in line) {
      const { number, offset } = line;
      const place = { ...linePlace(walk, frame), line: number, end_line: number, offset };
      addProblem(walk, frame, badLineFault(line), place);
      return;
    }
    if (walkLine(walk, frame, line) === "quit") {
      finish(walk, frame);
      return;
    }
  }
  finish(walk, frame);
  const open = frame.conditions.at(-1);
  if (open === undefined) return;
  frame.conditions = [];
  const place = { ...linePlace(walk, frame), line: open.line, offset: open.offset };
  addProblem(walk, frame, UNBALANCED, place, false);
}

const CHECKPOINT = /^--\s*sqlr:checkpoint\s*$/;

function walkLine(walk: Walk, frame: WalkFrame, line: Line): "quit" | null {
  const { scanner, conditions } = frame;
  if (line.number === 1 && line.text.startsWith("PGDMP")) {
    addProblem(walk, frame, CUSTOM_DUMP, startPlace(frame.path));
    return "quit";
  }
  if (line.text.startsWith("--") && scanner.mode.in === "code" && CHECKPOINT.test(line.text)) {
    if (isActive(conditions)) walk.checkpoints.push({ file: frame.path, line: line.number });
  }
  if (!startLine(scanner, line, walk.standardStrings)) return null;
  for (;;) {
    const found = scan(scanner);
    if (found === "overflow" || scanner.text.length > MAX_STATEMENT) {
      addProblem(walk, frame, STATEMENT_TOO_LARGE, linePlace(walk, frame));
      clearText(scanner);
      return "quit";
    }
    if (found === "semicolon" && isActive(conditions)) walkBuffer(walk, frame);
    else if (found === "backslash") {
      const done = walkCommand(walk, frame);
      if (done === "quit") return "quit";
      if (done !== null) walkFile(walk, done.path, frame.chain, done.place, frame);
    }
    if (found === "end") return null;
  }
}

/** A statement at the end of a file needs no semicolon. */
function finish(walk: Walk, frame: WalkFrame): void {
  const { scanner, conditions } = frame;
  if (scanner.text === "" || !isActive(conditions)) return;
  if (scanner.mode.in !== "code") {
    const place = statementPlace(walk, frame, scanner.began!);
    addProblem(walk, frame, unterminatedFault(scanner.mode), place, false);
  } else walkBuffer(walk, frame);
}
