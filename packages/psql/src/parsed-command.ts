/** Reads a whole meta-command, so that running and analysing a script cannot read it differently. */
import {
  type Argument,
  ArgumentError,
  readArgument,
  readLine,
  readName,
  skipCommandEnd,
} from "./arguments.ts";
import { type Command, findCommand } from "./commands.ts";
import { type Condition, isActive, isEvaluated } from "./conditions.ts";
import { type Scanner, skipTo, topSource } from "./scan-state.ts";

export type ParsedCommand = {
  name: string;
  /** Null when psql has none of this name; then the rest of the line is gone. */
  command: Command | null;
  arguments: Argument[];
  /** What was written beyond the arguments that the command takes. */
  extra: Argument[];
};

/**
 * The command whose backslash the scanner has just found. Throws ArgumentError. `variable` and other effects of its
 * arguments happen only where the command is carried out.
 */
export function readCommand(scanner: Scanner, conditions: Condition[]): ParsedCommand {
  const source = topSource(scanner);
  const reader = { text: source.text, at: source.at, hooks: scanner.hooks, active: true };
  const name = readName(reader);
  const command = findCommand(name);
  try {
    if (command === null) {
      readLine(reader);
      return { name, command, arguments: [], extra: [] };
    }
    const { kind, form, max, strip } = command;
    const isTest = kind === "if" || kind === "elif";
    reader.active = isTest ? isEvaluated(conditions, kind) : isActive(conditions);
    const found: Argument[] = [];
    const extra: Argument[] = [];
    for (;;) {
      const within = found.length < max;
      // Only the first argument may be a pipe; nothing beyond those the command takes is evaluated but variables.
      const argument = readArgument(reader, within ? form : "words", within && strip);
      if (argument === null) break;
      (within ? found : extra).push(argument);
    }
    skipCommandEnd(reader);
    return { name, command, arguments: found, extra };
  } catch (error) {
    readLine(reader);
    if (!(error instanceof ArgumentError) || reader.active || command === null) throw error;
    return { name, command, arguments: [], extra: [] };
  } finally {
    skipTo(source, reader.at);
  }
}

/** The rest of the line is not looked at, as psql does after a command that failed. */
export function dropLine(scanner: Scanner): void {
  const source = topSource(scanner);
  skipTo(source, source.text.length);
}
