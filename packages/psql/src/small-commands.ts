/** \set, \unset, \echo, \qecho, \warn, \encoding. */
import { encodingFault, type Fault, settingFault } from "./faults.ts";
import type { ParsedCommand } from "./parsed-command.ts";
import { type Frame, fatal, type Run } from "./run-state.ts";
import { admitValue, isVariableName } from "./variables.ts";

type Done = Promise<null> | { failed: Fault } | null;

/** \set name values…: what follows the name is put together without blanks; without a name, all variables are listed. */
export function assign(run: Run, parsed: ParsedCommand): Done {
  const [name, ...values] = parsed.arguments.map(({ value }) => value);
  if (name === undefined) return list(run);
  const admitted = admitValue(name, values.join(""));
  if ("problem" in admitted) {
    return { failed: { code: "invalid_argument", message: admitted.problem } };
  }
  const fault = settingFault(name, admitted.value);
  if (fault !== null) return { failed: fault };
  if (admitted.value !== null) run.variables.set(name, admitted.value);
  return null;
}

async function list(run: Run): Promise<null> {
  for (const [name, value] of [...run.variables].sort(([a], [b]) => (a < b ? -1 : 1))) {
    await run.events.output(`${name} = '${value}'\n`, "out");
  }
  return null;
}

export function unset(run: Run, parsed: ParsedCommand): Done {
  const name = parsed.arguments[0]?.value;
  if (name === undefined) {
    return {
      failed: { code: "invalid_argument", message: "\\unset needs the name of a variable." },
    };
  }
  if (!isVariableName(name)) return null;
  const admitted = admitValue(name, null);
  const value = "value" in admitted ? admitted.value : null;
  if (value === null) run.variables.delete(name);
  else {
    const fault = settingFault(name, value);
    if (fault !== null) return { failed: fault };
    run.variables.set(name, value);
  }
  return null;
}

export async function say(run: Run, parsed: ParsedCommand, stream: "out" | "err"): Promise<null> {
  const [first, ...others] = parsed.arguments;
  const isBare = first !== undefined && !first.quoted && first.value === "-n";
  const words = isBare ? others : parsed.arguments;
  const text = words.map(({ value }) => value).join(" ");
  await run.events.output(isBare ? text : `${text}\n`, stream);
  return null;
}

export async function setEncoding(run: Run, frame: Frame, parsed: ParsedCommand): Promise<null> {
  const encoding = parsed.arguments[0]?.value;
  if (encoding === undefined) {
    await run.events.output(`${run.variables.get("ENCODING") ?? "UTF8"}\n`, "out");
    return null;
  }
  const fault = encodingFault(encoding);
  if (fault !== null) throw fatal(run, frame, fault);
  return null;
}
