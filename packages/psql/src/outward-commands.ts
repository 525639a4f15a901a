/** The meta-commands that reach beyond their file: \i, \ir, \copy and \connect. */
import type { Argument } from "./arguments.ts";
import { parseCopy } from "./copy-command.ts";
import {
  type Fault,
  MAX_INCLUDES,
  missingFault,
  nestingFault,
  TOO_MANY_INCLUDES,
} from "./faults.ts";
import { inlineData } from "./frame.ts";
import type { Inclusion } from "./meta-commands.ts";
import type { ParsedCommand } from "./parsed-command.ts";
import { type Frame, fatal, placeOfLine, type Run } from "./run-state.ts";
import type { ScriptError } from "./script-error.ts";
import { sendStatement } from "./send-modes.ts";
import { folderOf, resolveInTree } from "./tree-path.ts";
import { setServerVariables } from "./variables.ts";

type Failed = { failed: Fault };

/** The file to run: `from` is the file whose folder the name counts from, "" for the root. */
export function include(
  run: Run,
  frame: Frame,
  parsed: ParsedCommand,
  from: string,
): Inclusion | Failed {
  const name = parsed.arguments[0]?.value;
  if (name === undefined) return { failed: nameless(parsed) };
  const found = resolveInTree(folderOf(from), name);
  if ("problem" in found) throw fatal(run, frame, { code: found.code, message: found.problem });
  run.includes += 1;
  const nesting = nestingFault(frame.chain, found.path);
  if (nesting !== null) throw fatal(run, frame, nesting);
  if (run.includes > MAX_INCLUDES) throw fatal(run, frame, TOO_MANY_INCLUDES);
  return { path: found.path, place: placeOfLine(run, frame) };
}

function nameless({ name }: ParsedCommand): Fault {
  return { code: "invalid_argument", message: `\\${name} needs the name of a file.` };
}

/** Sends the COPY with the bytes of a file of the project, or with the lines that follow. */
export async function copy(
  run: Run,
  frame: Frame,
  parsed: ParsedCommand,
): Promise<ScriptError | Failed | null> {
  const text = parsed.arguments[0]?.value ?? "";
  const command = parseCopy(text);
  if ("problem" in command) {
    const fault = { code: command.code, message: command.problem };
    if (command.code === "refused_command") throw fatal(run, frame, fault);
    return { failed: fault };
  }
  let data = () => inlineData(frame);
  if (command.file !== null) {
    const found = resolveInTree("", command.file);
    if ("problem" in found) throw fatal(run, frame, { code: found.code, message: found.problem });
    const bytes = await run.script.files.read(found.path);
    if (bytes === null) return { failed: missingFault(found.path) };
    data = () => piecesOf(bytes);
  }
  const began = { line: frame.scanner.line!, column: 0 };
  const statement = { text: command.sql, segments: [], joined: 0, began };
  return await sendStatement(run, frame, statement, { as: "rows", muted: false }, data);
}

async function* piecesOf(
  bytes: Uint8Array | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (bytes instanceof Uint8Array) yield bytes;
  else yield* bytes;
}

/** \connect: another database or user of the same server. The session it leaves ends, as in psql, with what is open in it. */
export async function connect(run: Run, frame: Frame, parsed: ParsedCommand): Promise<null> {
  const given = [...parsed.arguments];
  if (given[0]?.value.startsWith("-reuse-previous=")) given.shift();
  const [database, user, host, port] = given.map(meant);
  const { session } = run;
  if (database !== null && /[=]|^postgres(?:ql)?:\/\//.test(database ?? "")) {
    throw fatal(run, frame, {
      code: "refused_command",
      message: "\\connect takes no connection string here: name the database and the user.",
    });
  }
  const info = session.info();
  if ((host ?? info.host) !== info.host || (port ?? String(info.port)) !== String(info.port)) {
    throw fatal(run, frame, {
      code: "refused_command",
      message:
        "\\connect goes to another database or user, not to another server: leave out host and port.",
    });
  }
  const place = placeOfLine(run, frame);
  await run.events.began(place);
  await session.connect({ database: database ?? null, user: user ?? null });
  run.opened = null;
  setServerVariables(run.variables, session.info());
  return null;
}

/** A bare - stands for what there is now. */
function meant({ value, quoted }: Argument): string | null {
  return !quoted && (value === "-" || value === "") ? null : value;
}
