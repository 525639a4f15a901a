/** Runs a script as `psql -X -v ON_ERROR_STOP=1 -f` does, over a session that somebody else opened. */
import { AT_END } from "./byte-lines.ts";
import { isActive } from "./conditions.ts";
import {
  MAX_STATEMENT,
  missingFault,
  STATEMENT_TOO_LARGE,
  settingFault,
  UNBALANCED,
  unterminatedFault,
} from "./faults.ts";
import { frameOf, nextLine, takeLine } from "./frame.ts";
import { type Inclusion, runCommand } from "./meta-commands.ts";
import { dropLine } from "./parsed-command.ts";
import {
  type Ending,
  type Frame,
  fail,
  fatal,
  placeOf,
  placeOfLine,
  problemAt,
  type Run,
  startOf,
} from "./run-state.ts";
import { startLine } from "./scan-state.ts";
import { scan } from "./scanner.ts";
import type { Script, ScriptEvents, ScriptOutcome } from "./script.ts";
import { ScriptError } from "./script-error.ts";
import { sendBuffer } from "./send-buffer.ts";
import type { Place, ScriptSession } from "./session.ts";
import { admitValue, firstVariables, isOn, setServerVariables } from "./variables.ts";

const SILENT: ScriptEvents = { began: () => {}, output: () => {} };

/**
 * Runs the entry to its end. Throws ScriptError for what is wrong with the script and for errors of the server, and what
 * the session throws as it is. A transaction that is open at the end is an error, since psql would roll it back in silence.
 */
export async function runScript(
  script: Script,
  session: ScriptSession,
  events: ScriptEvents = SILENT,
): Promise<ScriptOutcome> {
  const run: Run = {
    script,
    session,
    events,
    variables: firstVariables(),
    statements: 0,
    passed_over: [],
    last: null,
    opened: null,
    includes: 0,
    restricted: null,
    muted: false,
    params: null,
  };
  setServerVariables(run.variables, session.info());
  setGivenVariables(run);
  const error = await runFile(run, script.entry, []);
  if (error !== null) throw error;
  if (session.transaction() !== "idle") throw leftOpen(run);
  return { statements: run.statements, passed_over: run.passed_over, last: run.last };
}

function setGivenVariables({ script, variables }: Run): void {
  const place = startOf(script.entry);
  for (const [name, given] of Object.entries(script.variables)) {
    const admitted = admitValue(name, given);
    if ("problem" in admitted) {
      throw new ScriptError({ code: "invalid_argument", message: admitted.problem, place });
    }
    const fault = settingFault(name, admitted.value);
    if (fault !== null) throw new ScriptError({ ...fault, place });
    if (admitted.value !== null) variables.set(name, admitted.value);
  }
}

function leftOpen(run: Run): ScriptError {
  const place = run.opened ?? startOf(run.script.entry);
  return new ScriptError({
    code: "open_transaction_at_boundary",
    message: `The transaction that begins in line ${place.line} is still open at the end of the script. Commit it or roll it back: what comes next has a session of its own.`,
    place,
  });
}

/**
 * Runs a file and what it includes; null when it came to its end or to \q, else the error that ended it. Errors that
 * end more than the file are thrown. `from` is where it is included.
 */
export async function runFile(
  run: Run,
  path: string,
  chain: string[],
  from: Place = startOf(path),
): Promise<ScriptError | null> {
  const bytes = await run.script.files.read(path);
  if (bytes === null) return new ScriptError({ ...missingFault(path), place: from });
  const frame = frameOf(run, path, chain, bytes);
  try {
    return await runLines(run, frame);
  } finally {
    await frame.rest?.return?.();
  }
}

async function runLines(run: Run, frame: Frame): Promise<ScriptError | null> {
  for (;;) {
    const line = takeLine(run, frame) ?? (await nextLine(run, frame));
    if (line === AT_END) break;
    const standard = run.session.info().standard_conforming_strings;
    if (!startLine(frame.scanner, line, standard)) continue;
    frame.stops = isOn(run.variables, "ON_ERROR_STOP");
    const found = scanOn(run, frame);
    // Most lines of a seed are a part of a statement: nothing is to be waited for.
    if (found === "end" && !isSingleLine(run, frame)) continue;
    const ending = await runLine(run, frame, found);
    if (ending === "quit") return await sendRest(run, frame);
    if (ending !== null) return ending;
  }
  return (await sendRest(run, frame)) ?? (await checkBalance(run, frame));
}

type Found = Exclude<ReturnType<typeof scan>, "overflow">;

function scanOn(run: Run, frame: Frame): Found {
  const found = scan(frame.scanner);
  if (found === "overflow" || frame.scanner.text.length > MAX_STATEMENT) {
    throw fatal(run, frame, STATEMENT_TOO_LARGE);
  }
  return found;
}

/** Does what a line asks for, beginning with what was found in it first. */
async function runLine(run: Run, frame: Frame, first: Found): Promise<Ending> {
  const { conditions } = frame;
  for (let found = first; ; found = scanOn(run, frame)) {
    const ends = found === "semicolon" || (found === "end" && isSingleLine(run, frame));
    if (ends && isActive(conditions)) {
      const error = await sendBuffer(run, frame);
      if (error !== null) return error;
    } else if (found === "backslash") {
      const done = await runCommand(run, frame);
      if (done === "quit" || done instanceof ScriptError) return done;
      const error = done === null ? null : await runIncluded(run, frame, done);
      if (error !== null) return error;
    }
    if (found === "end") return null;
  }
}

async function runIncluded(
  run: Run,
  frame: Frame,
  { path, place }: Inclusion,
): Promise<ScriptError | null> {
  const error = await runFile(run, path, frame.chain, place);
  if (error === null) return null;
  dropLine(frame.scanner);
  return await fail(run, frame, error.problem);
}

/** With SINGLELINE the end of a line ends a statement, too. */
function isSingleLine(run: Run, { scanner }: Frame): boolean {
  return scanner.text !== "" && scanner.mode.in === "code" && isOn(run.variables, "SINGLELINE");
}

/** A statement at the end of a file needs no semicolon. */
async function sendRest(run: Run, frame: Frame): Promise<ScriptError | null> {
  const { scanner, conditions } = frame;
  if (scanner.text === "" || !isActive(conditions)) return null;
  if (scanner.mode.in !== "code") {
    const place = placeOf(run, frame, scanner.began!);
    const { code, message } = unterminatedFault(scanner.mode);
    return await fail(run, frame, problemAt(place, code, message));
  }
  return await sendBuffer(run, frame);
}

async function checkBalance(run: Run, frame: Frame): Promise<ScriptError | null> {
  const open = frame.conditions.at(-1);
  if (open === undefined) return null;
  const place = { ...placeOfLine(run, frame), line: open.line, offset: open.offset };
  return await fail(run, frame, problemAt(place, UNBALANCED.code, UNBALANCED.message));
}
