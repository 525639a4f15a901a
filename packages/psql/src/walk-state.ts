/** What the analysis of a script has found so far. */
import { createHash } from "node:crypto";
import type { AnalysedProblem, Analysis, AnalysisInput, KeyPart, Volatile } from "./analysis.ts";
import type { ByteLines } from "./byte-lines.ts";
import { type Condition, isCertain } from "./conditions.ts";
import type { Fault } from "./faults.ts";
import { type KnownVariables, noteAllGiven, readVariable } from "./known-variables.ts";
import type { Began, Scanner } from "./scan-state.ts";
import type { Place } from "./session.ts";
import { offsetOf } from "./source-map.ts";
import type { StatementKind } from "./statement-facts.ts";

/** What an analysis hangs on: it holds as long as these say the same. */
export type Asked = {
  files: Map<string, string | null>;
  given: Map<string, string | null>;
  session: Map<string, string | null>;
  /** All variables that are given, whatever their names. */
  all: boolean;
};

export type Walk = {
  input: AnalysisInput;
  known: KnownVariables;
  /** Digests of the files that were asked for. */
  asked: Map<string, string | null>;
  files: Analysis["files"];
  parts: KeyPart[];
  problems: AnalysedProblem[];
  volatile: Map<string, Volatile>;
  writes: Set<string>;
  kinds: Map<StatementKind, { file: string; line: number }>;
  checkpoints: Analysis["checkpoints"];
  dynamic: Analysis["dynamic"];
  statements: number;
  includes: number;
  bytes: number;
  /** The last statement. */
  last: string;
  restricted: string | null;
  standardStrings: boolean;
  /** A variable was asked for whose value only the run knows. */
  sawUnknown: boolean;
  /** The arguments of a meta-command are read: values in them are not read again. */
  inCommand: boolean;
};

export type WalkFrame = {
  path: string;
  /** The files that include it, the entry first, and itself. */
  chain: string[];
  bytes: Uint8Array;
  digest: string;
  lines: ByteLines;
  scanner: Scanner;
  conditions: Condition[];
  /** It is certain that this file is read. */
  certain: boolean;
  /** Up to this byte the file is in the key's parts. */
  keyed: number;
  previous: WalkStatement | null;
};

export type WalkStatement = Pick<
  Scanner,
  "text" | "segments" | "words" | "joined" | "isRoutine"
> & { began: Began };

/** Of one script; a broken dump has an error on each line. */
const MAX_PROBLEMS = 1_000;

export function startPlace(file: string): Place {
  return { file, line: 1, end_line: 1, offset: 0, statement: 0 };
}

export function linePlace(walk: Walk, frame: WalkFrame): Place {
  const number = Math.max(1, frame.lines.line);
  const { line } = frame.scanner;
  const offset = line?.number === number ? line.offset : frame.lines.offset;
  const statement = walk.statements;
  return { file: frame.path, line: number, end_line: number, offset, statement };
}

export function statementPlace(walk: Walk, frame: WalkFrame, began: Began): Place {
  const { number } = began.line;
  const end_line = Math.max(frame.lines.line, number);
  const offset = offsetOf(began);
  return { file: frame.path, line: number, end_line, offset, statement: walk.statements };
}

/** It is certain that the script comes to this place, as far as branches go. */
export function isSure(frame: WalkFrame): boolean {
  return frame.certain && isCertain(frame.conditions);
}

/** `lasting` is what ends a script whatever ON_ERROR_STOP says. */
export function addProblem(
  walk: Walk,
  frame: WalkFrame,
  fault: Fault,
  place: Place,
  lasting = true,
): void {
  if (walk.problems.length >= MAX_PROBLEMS) return;
  const stops = lasting || /^(?:on|1|t.*|y.*)$/i.test(String(readOwn(walk, "ON_ERROR_STOP")));
  walk.problems.push({
    ...fault,
    place,
    sqlstate: null,
    position: place.offset,
    detail: null,
    hint: null,
    certain: isSure(frame) && stops,
  });
}

/** Reads without noting it as a variable that the script names. */
function readOwn(walk: Walk, name: string): string | null {
  const { values, input } = walk.known;
  const value = values.get(name) ?? input.variables[name] ?? "on";
  return typeof value === "string" ? value : null;
}

/** `rescanned`: the value is read as part of the script, so it may refer to other variables. */
export function readKnown(walk: Walk, name: string, rescanned: boolean): string | undefined {
  const value = readVariable(walk.known, name);
  if (typeof value === "symbol") {
    walk.sawUnknown = true;
    if (rescanned) noteAllGiven(walk.known);
  }
  return typeof value === "string" ? value : undefined;
}

export function digestOf(walk: Walk, path: string): string | null {
  const digest = walk.input.files.digest(path);
  walk.asked.set(path, digest);
  return digest === null ? null : digest.replace(/^sha256:/, "");
}

export function addFile(walk: Walk, path: string, digest: string, how: "script" | "copy"): void {
  if (walk.files.some((file) => file.path === path && file.how === how)) return;
  walk.files.push({ path, digest, how });
}

/** Puts the file's bytes up to this one into the key; those up to `skip`, which name another file, are left out. */
export function keyText(walk: Walk, frame: WalkFrame, to: number, skip: number): void {
  const { keyed, bytes } = frame;
  frame.keyed = skip;
  const whole = keyed === 0 && to === bytes.length;
  const digest = whole
    ? frame.digest
    : createHash("sha256").update(bytes.subarray(keyed, to)).digest("hex");
  walk.parts.push({ part: "text", digest });
}
