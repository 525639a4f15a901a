/** What the analysis makes of meta-commands. */
import { ArgumentError } from "./arguments.ts";
import { parseBoolean } from "./booleans.ts";
import type { CommandKind } from "./commands.ts";
import { beginIf, endIf, isActive, nextBranch, type Test } from "./conditions.ts";
import { parseCopy } from "./copy-command.ts";
import {
  barredFault,
  encodingFault,
  type Fault,
  MAX_INCLUDES,
  missingFault,
  NESTED_META_COMMAND,
  nestingFault,
  RESTRICTED,
  settingFault,
  TOO_MANY_INCLUDES,
  unknownCommandFault,
} from "./faults.ts";
import { cloudVariables, UNKNOWN, writeVariable } from "./known-variables.ts";
import { dropLine, type ParsedCommand, readCommand } from "./parsed-command.ts";
import { clearText, resetScan, takeFeedBack } from "./scan-state.ts";
import type { Place } from "./session.ts";
import { offsetOf } from "./source-map.ts";
import { namedColumns } from "./statement-facts.ts";
import { folderOf, resolveInTree } from "./tree-path.ts";
import { admitValue, isSpecial, isVariableName } from "./variables.ts";
import {
  addFile,
  addProblem,
  digestOf,
  isSure,
  keyText,
  linePlace,
  type Walk,
  type WalkFrame,
} from "./walk-state.ts";
import { addKind, noteWrites, skipCopyData, walkBuffer } from "./walk-statements.ts";

type Done = { path: string; place: Place } | "quit" | null;

/** The command whose backslash was found. Answers with the file to go through next, if it is an include. */
export function walkCommand(walk: Walk, frame: WalkFrame): Done {
  const { scanner, conditions } = frame;
  takeFeedBack(scanner);
  const complain = (fault: Fault, lasting = true) => {
    addProblem(walk, frame, fault, linePlace(walk, frame), lasting);
    dropLine(scanner);
    return null;
  };
  if (scanner.sources.length > 1) return complain(NESTED_META_COMMAND);
  walk.sawUnknown = false;
  walk.inCommand = true;
  const parsed = read(frame);
  walk.inCommand = false;
  if (parsed instanceof ArgumentError) {
    return complain({ code: parsed.code, message: parsed.message });
  }
  const { command, name } = parsed;
  if (walk.restricted !== null && command?.kind !== "unrestrict")
    return complain(RESTRICTED, false);
  if (command === null) return complain(unknownCommandFault(name), false);
  const test = () => testOf(walk, parsed);
  let wrong: string | null = null;
  if (command.kind === "if") beginIf(conditions, scanner, lineOf(frame), test);
  else if (command.kind === "elif") wrong = nextBranch(conditions, scanner, test);
  else if (command.kind === "else") wrong = nextBranch(conditions, scanner, "else");
  else if (command.kind === "endif") wrong = endIf(conditions, scanner);
  else if (!isActive(conditions)) return null;
  else if (command.kind === "refused" || command.kind === "unsupported") {
    return complain(barredFault(name, command));
  } else return obey(walk, frame, parsed, command.kind, complain);
  return wrong === null ? null : complain({ code: "unbalanced_if", message: wrong }, false);
}

function read(frame: WalkFrame): ParsedCommand | ArgumentError {
  try {
    return readCommand(frame.scanner, frame.conditions);
  } catch (error) {
    if (error instanceof ArgumentError) return error;
    throw error;
  }
}

function lineOf(frame: WalkFrame): { line: number; offset: number } {
  const line = frame.scanner.line!;
  return { line: line.number, offset: line.offset };
}

function testOf(walk: Walk, parsed: ParsedCommand): Test {
  if (walk.sawUnknown) return "unknown";
  return parseBoolean(parsed.arguments.map(({ value }) => value).join(" ")) === true;
}

type Complain = (fault: Fault, lasting?: boolean) => null;

function obey(
  walk: Walk,
  frame: WalkFrame,
  parsed: ParsedCommand,
  kind: CommandKind,
  complain: Complain,
): Done {
  const first = parsed.arguments[0]?.value;
  if (kind === "include") return include(walk, frame, parsed, "", complain);
  if (kind === "include_relative") return include(walk, frame, parsed, frame.path, complain);
  if (kind === "set") return assign(walk, frame, parsed, complain);
  if (kind === "unset") return unset(walk, frame, parsed);
  if (kind === "copy") return copy(walk, frame, parsed, complain);
  if (kind === "gset") return storeRow(walk, frame, first ?? "");
  if (kind === "gexec") addKind(walk, frame, "gexec", frame.lines.line);
  if (kind === "connect") addKind(walk, frame, "connect", frame.lines.line);
  if (kind === "send" || kind === "gexec") {
    walkBuffer(walk, frame);
    resetScan(frame.scanner);
  }
  if (kind === "reset") {
    clearText(frame.scanner);
    resetScan(frame.scanner);
  }
  if (kind === "encoding" && first !== undefined) {
    const fault = encodingFault(first);
    if (fault !== null) return complain(fault);
  }
  if (kind === "restrict") walk.restricted = first ?? null;
  if (kind === "unrestrict") {
    if (walk.restricted === null || walk.restricted !== first) return complain(WRONG_KEY, false);
    walk.restricted = null;
  }
  if ((kind === "send" || kind === "out") && first?.startsWith("(") === false) {
    if (first !== "/dev/null" && !walk.sawUnknown) return complain(writesFault(parsed.name));
  }
  // In a branch in doubt what follows may still be read.
  return kind === "quit" && isSure(frame) ? "quit" : null;
}

const WRONG_KEY: Fault = {
  code: "refused_command",
  message: "This \\unrestrict has not the key of a \\restrict before it.",
};

function writesFault(name: string): Fault {
  return {
    code: "refused_command",
    message: `\\${name} would write outside the database. Rows are in the result; only /dev/null may be named, to leave them out.`,
  };
}

function include(
  walk: Walk,
  frame: WalkFrame,
  parsed: ParsedCommand,
  from: string,
  complain: Complain,
): Done {
  const [argument] = parsed.arguments;
  if (argument === undefined) {
    const message = `\\${parsed.name} needs the name of a file.`;
    return complain({ code: "invalid_argument", message }, false);
  }
  if (walk.sawUnknown) {
    const reason = `the name of the file that \\${parsed.name} reads is known only when the script runs`;
    walk.dynamic ??= { reason, file: frame.path, line: frame.lines.line };
    return null;
  }
  const found = resolveInTree(folderOf(from), argument.value);
  if ("problem" in found) return complain({ code: found.code, message: found.problem });
  walk.includes += 1;
  const nesting = nestingFault(frame.chain, found.path);
  if (nesting !== null) return complain(nesting);
  if (walk.includes > MAX_INCLUDES) return complain(TOO_MANY_INCLUDES);
  keyName(walk, frame, argument.start, argument.end);
  return { path: found.path, place: linePlace(walk, frame) };
}

/** The file's text up to a name of another file is in the key, and the name is not. */
function keyName(walk: Walk, frame: WalkFrame, start: number, end: number): void {
  const line = frame.scanner.line!;
  keyText(walk, frame, offsetOf({ line, column: start }), offsetOf({ line, column: end }));
}

function assign(walk: Walk, frame: WalkFrame, parsed: ParsedCommand, complain: Complain): null {
  const [first, ...others] = parsed.arguments;
  if (first === undefined) return null;
  if (first.variable && walk.sawUnknown) {
    cloudVariables(walk.known, "");
    return null;
  }
  const admitted = admitValue(first.value, others.map(({ value }) => value).join(""));
  if ("problem" in admitted) {
    if (walk.sawUnknown) return null;
    return complain({ code: "invalid_argument", message: admitted.problem }, false);
  }
  const fault = walk.sawUnknown ? null : settingFault(first.value, admitted.value);
  if (fault !== null) return complain(fault, false);
  const value = walk.sawUnknown ? UNKNOWN : admitted.value;
  writeVariable(walk.known, first.value, value, isSure(frame));
  return null;
}

function unset(walk: Walk, frame: WalkFrame, parsed: ParsedCommand): null {
  const name = parsed.arguments[0]?.value;
  if (name === undefined || !isVariableName(name)) return null;
  const admitted = admitValue(name, null);
  const value = "value" in admitted ? admitted.value : null;
  writeVariable(walk.known, name, value, isSure(frame));
  return null;
}

function storeRow(walk: Walk, frame: WalkFrame, prefix: string): null {
  const unknownPrefix = walk.sawUnknown;
  const statement = walkBuffer(walk, frame);
  resetScan(frame.scanner);
  const columns = statement === null || statement.joined > 0 ? null : namedColumns(statement.text);
  if (columns === null || unknownPrefix) cloudVariables(walk.known, unknownPrefix ? "" : prefix);
  else {
    for (const column of columns) {
      const name = prefix + column;
      if (!isSpecial(name)) writeVariable(walk.known, name, UNKNOWN, isSure(frame));
    }
  }
  return null;
}

function copy(walk: Walk, frame: WalkFrame, parsed: ParsedCommand, complain: Complain): null {
  const [argument] = parsed.arguments;
  const command = parseCopy(argument?.value ?? "");
  if ("problem" in command) {
    const lasting = command.code === "refused_command";
    return complain({ code: command.code, message: command.problem }, lasting);
  }
  walk.statements += 1;
  walk.last = command.sql;
  noteWrites(walk, command.sql, "copy");
  if (command.file === null) {
    if (command.from) skipCopyData(frame);
    return null;
  }
  const found = resolveInTree("", command.file);
  if ("problem" in found) return complain({ code: found.code, message: found.problem });
  const start = argument!.start;
  keyName(walk, frame, start + command.file_start, start + command.file_end);
  const digest = digestOf(walk, found.path);
  if (digest === null) {
    walk.parts.push({ part: "missing" });
    return complain(missingFault(found.path), false);
  }
  addFile(walk, found.path, digest, "copy");
  walk.parts.push({ part: "copy", digest });
  return null;
}
