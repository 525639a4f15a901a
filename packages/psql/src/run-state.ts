import type { ByteLines } from "./byte-lines.ts";
import type { Condition } from "./conditions.ts";
import type { Fault } from "./faults.ts";
import type { Began, Scanner, Segment } from "./scan-state.ts";
import type { Script, ScriptEvents } from "./script.ts";
import { ScriptError, type ScriptErrorCode, type ScriptProblem } from "./script-error.ts";
import type { Place, ScriptSession } from "./session.ts";
import { offsetOf } from "./source-map.ts";

/** A script while it runs. */
export type Run = {
  script: Script;
  session: ScriptSession;
  events: ScriptEvents;
  variables: Map<string, string>;
  statements: number;
  passed_over: ScriptProblem[];
  last: Place | null;
  /** Where the transaction that is open began. */
  opened: Place | null;
  /** Files begun so far, for the limit that ends includes which double and double. */
  includes: number;
  /** Of \restrict: every meta-command but its \unrestrict is refused. */
  restricted: string | null;
  /** \o /dev/null was said. */
  muted: boolean;
  /** Values of \bind for the next statement. */
  params: string[] | null;
};

/** A file while it is read. */
export type Frame = {
  path: string;
  /** The files that include it, the entry first, and itself. */
  chain: string[];
  lines: ByteLines;
  /** What is still to be pushed into the lines. */
  rest: AsyncIterator<Uint8Array> | null;
  scanner: Scanner;
  conditions: Condition[];
  /** What was sent last, for a \g without a statement. */
  previous: Statement | null;
  /** The data of a COPY was begun and not read to its end. */
  copying: boolean;
  /** Whether an error ends this file: ON_ERROR_STOP as it was when the line began. */
  stops: boolean;
};

/** A text as it goes to the server. */
export type Statement = { text: string; segments: Segment[]; joined: number; began: Began };

/** What ends a file before its end. */
export type Ending = ScriptError | "quit" | null;

export function placeOf(run: Run, frame: Frame, began: Began): Place {
  return {
    file: frame.path,
    line: began.line.number,
    end_line: Math.max(frame.lines.line, began.line.number),
    offset: offsetOf(began),
    statement: run.statements,
  };
}

export function startOf(file: string): Place {
  return { file, line: 1, end_line: 1, offset: 0, statement: 0 };
}

/** The line that is read now. */
export function placeOfLine(run: Run, frame: Frame): Place {
  const { line } = frame.scanner;
  const number = Math.max(1, frame.lines.line);
  const { statements: statement } = run;
  return {
    file: frame.path,
    line: number,
    end_line: number,
    offset: line?.number === number ? line.offset : frame.lines.offset,
    statement,
  };
}

/**
 * An error that psql would go on after when ON_ERROR_STOP is off: then it is told and passed over. Answers with the error
 * when it ends the file.
 */
export async function fail(
  run: Run,
  frame: Frame,
  problem: ScriptProblem,
): Promise<ScriptError | null> {
  if (frame.stops) return new ScriptError(problem);
  if (run.passed_over.length < MAX_PASSED_OVER) run.passed_over.push(problem);
  const { file, end_line } = problem.place;
  const words = problem.code === "sql_error" ? `ERROR:  ${problem.message}` : problem.message;
  await run.events.output(`${file}:${end_line}: ${words}\n`, "err");
  return null;
}

/** What ends the script wherever it stands, whatever ON_ERROR_STOP says. */
export function fatal(run: Run, frame: Frame, fault: Fault): ScriptError {
  return new ScriptError({ ...fault, place: placeOfLine(run, frame) });
}

/** A dump that goes wrong has an error for every line. */
const MAX_PASSED_OVER = 100;

export function problemAt(place: Place, code: ScriptErrorCode, message: string): ScriptProblem {
  return { code, message, place, sqlstate: null, position: null, detail: null, hint: null };
}
