/** Carries out the meta-commands of a script. */
import { ArgumentError } from "./arguments.ts";
import { parseBoolean } from "./booleans.ts";
import type { CommandKind } from "./commands.ts";
import { beginIf, endIf, isActive, isEvaluated, nextBranch } from "./conditions.ts";
import {
  barredFault,
  type Fault,
  NESTED_META_COMMAND,
  RESTRICTED,
  unknownCommandFault,
} from "./faults.ts";
import { connect, copy, include } from "./outward-commands.ts";
import { dropLine, type ParsedCommand, readCommand } from "./parsed-command.ts";
import { type Frame, fail, fatal, placeOfLine, problemAt, type Run } from "./run-state.ts";
import { clearText, resetScan, takeFeedBack } from "./scan-state.ts";
import type { ScriptError } from "./script-error.ts";
import { sendBuffer } from "./send-buffer.ts";
import type { SendMode } from "./send-modes.ts";
import type { Place } from "./session.ts";
import { assign, say, setEncoding, unset } from "./small-commands.ts";

/** A file that is to be run before the line goes on. */
export type Inclusion = { path: string; place: Place };
export type Done = ScriptError | Inclusion | "quit" | null;
/** What was wrong, so that the rest of the line is not looked at. */
type Failed = { failed: Fault };

/** Reads and carries out the command whose backslash was found. */
export async function runCommand(run: Run, frame: Frame): Promise<Done> {
  const { scanner } = frame;
  takeFeedBack(scanner);
  if (scanner.sources.length > 1) throw fatal(run, frame, NESTED_META_COMMAND);
  const parsed = readParsed(run, frame);
  await warnOfTest(run, frame, parsed);
  const done = await obey(run, frame, parsed);
  if (done !== null && typeof done === "object" && "failed" in done) {
    dropLine(scanner);
    const { code, message } = done.failed;
    return await fail(run, frame, problemAt(placeOfLine(run, frame), code, message));
  }
  if (isActive(frame.conditions)) await warnOfExtra(run, frame, parsed);
  return done;
}

function readParsed(run: Run, frame: Frame): ParsedCommand {
  try {
    return readCommand(frame.scanner, frame.conditions);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw fatal(run, frame, { code: error.code, message: error.message });
  }
}

async function obey(run: Run, frame: Frame, parsed: ParsedCommand): Promise<Done | Failed> {
  const { command, name } = parsed;
  if (run.restricted !== null && command?.kind !== "unrestrict") return { failed: RESTRICTED };
  if (command === null) return { failed: unknownCommandFault(name) };
  const { conditions, scanner } = frame;
  const test = () => parseBoolean(testText(parsed)) === true;
  let wrong: string | null = null;
  if (command.kind === "if") beginIf(conditions, scanner, lineOf(frame), test);
  else if (command.kind === "elif") wrong = nextBranch(conditions, scanner, test);
  else if (command.kind === "else") wrong = nextBranch(conditions, scanner, "else");
  else if (command.kind === "endif") wrong = endIf(conditions, scanner);
  else if (!isActive(conditions)) return null;
  else if (command.kind === "refused" || command.kind === "unsupported") {
    throw fatal(run, frame, barredFault(name, command));
  } else return await carryOut(run, frame, parsed, command.kind);
  return wrong === null ? null : { failed: { code: "unbalanced_if", message: wrong } };
}

function lineOf(frame: Frame): { line: number; offset: number } {
  const line = frame.scanner.line!;
  return { line: line.number, offset: line.offset };
}

/** As in psql, what is no boolean is told and counts as false. */
async function warnOfTest(run: Run, frame: Frame, parsed: ParsedCommand): Promise<void> {
  const kind = parsed.command?.kind;
  if ((kind !== "if" && kind !== "elif") || !isEvaluated(frame.conditions, kind)) return;
  const text = testText(parsed);
  if (parseBoolean(text) !== null) return;
  const words = `“${text}” is no boolean for \\${parsed.name} (on, off, true, false, 1, 0), and counts as false.`;
  await run.events.output(`${frame.path}:${frame.lines.line}: ${words}\n`, "err");
}

function testText(parsed: ParsedCommand): string {
  return parsed.arguments.map(({ value }) => value).join(" ");
}

type Obedience = Promise<Done | Failed> | Done | Failed;

async function carryOut(
  run: Run,
  frame: Frame,
  parsed: ParsedCommand,
  kind: CommandKind,
): Promise<Done | Failed> {
  const [first] = parsed.arguments;
  const acts: Partial<Record<CommandKind, () => Obedience>> = {
    include: () => include(run, frame, parsed, ""),
    include_relative: () => include(run, frame, parsed, frame.path),
    set: () => assign(run, parsed),
    unset: () => unset(run, parsed),
    gset: () => sendNow(run, frame, { as: "variables", prefix: first?.value ?? "" }),
    gexec: () => sendNow(run, frame, { as: "statements" }),
    send: () => sendTo(run, frame, parsed),
    bind: () => bindValues(run, parsed),
    copy: () => copy(run, frame, parsed),
    connect: () => connect(run, frame, parsed),
    echo: () => say(run, parsed, "out"),
    warn: () => say(run, parsed, "err"),
    encoding: () => setEncoding(run, frame, parsed),
    restrict: () => restrict(run, parsed),
    unrestrict: () => unrestrict(run, parsed),
    quit: () => "quit",
    reset: () => {
      clearText(frame.scanner);
      resetScan(frame.scanner);
      return null;
    },
    print: () => print(run, frame),
    out: () => redirect(run, frame, parsed),
    errverbose: () => null,
    display: () => null,
  };
  return (await acts[kind]?.()) ?? null;
}

async function sendNow(run: Run, frame: Frame, mode: SendMode): Promise<Done> {
  const error = await sendBuffer(run, frame, mode);
  resetScan(frame.scanner);
  return error;
}

/** \g and \gx: options of the display, and where the rows go. */
async function sendTo(run: Run, frame: Frame, parsed: ParsedCommand): Promise<Done> {
  const words = parsed.arguments.map(({ value }) => value);
  if (words[0]?.startsWith("(")) {
    const last = words.findIndex((word) => word.endsWith(")"));
    words.splice(0, last === -1 ? words.length : last + 1);
  }
  const muted = isNowhere(run, frame, words[0], parsed.name);
  return await sendNow(run, frame, { as: "rows", muted });
}

function redirect(run: Run, frame: Frame, parsed: ParsedCommand): null {
  run.muted = isNowhere(run, frame, parsed.arguments[0]?.value, parsed.name);
  return null;
}

/** Rows may go nowhere, but into no file and no program. */
function isNowhere(run: Run, frame: Frame, target: string | undefined, name: string): boolean {
  if (target === undefined) return false;
  if (target === "/dev/null") return true;
  throw fatal(run, frame, {
    code: "refused_command",
    message: `\\${name} ${target} would write outside the database. Rows are in the result; only /dev/null may be named, to leave them out.`,
  });
}

function bindValues(run: Run, parsed: ParsedCommand): null {
  run.params = parsed.arguments.map(({ value }) => value);
  return null;
}

function restrict(run: Run, parsed: ParsedCommand): Failed | null {
  const key = parsed.arguments[0]?.value;
  if (key === undefined) {
    return { failed: { code: "invalid_argument", message: "\\restrict needs a key." } };
  }
  run.restricted = key;
  return null;
}

function unrestrict(run: Run, parsed: ParsedCommand): Failed | null {
  const key = parsed.arguments[0]?.value;
  const words =
    run.restricted === null
      ? "There is no \\restrict before this \\unrestrict."
      : "The key of this \\unrestrict is not that of its \\restrict.";
  if (run.restricted === null || key !== run.restricted) {
    return { failed: { code: "refused_command", message: words } };
  }
  run.restricted = null;
  return null;
}

async function print(run: Run, frame: Frame): Promise<null> {
  const text = frame.scanner.text || frame.previous?.text || "";
  await run.events.output(`${text || "The query buffer is empty."}\n`, "out");
  return null;
}

async function warnOfExtra(run: Run, frame: Frame, parsed: ParsedCommand): Promise<void> {
  for (const { value } of parsed.extra) {
    const words = `\\${parsed.name} leaves out what is too much: “${value}”.`;
    await run.events.output(`${frame.path}:${frame.lines.line}: ${words}\n`, "err");
  }
}
