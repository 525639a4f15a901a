/** Variables before a script runs: what is given is known, what a query sets is not. */
import type { AnalysisInput } from "./analysis.ts";
import { firstVariables, isSetByConnecting, isSetByRunning, isSpecial } from "./variables.ts";

/** Its value hangs on the run. */
export const UNKNOWN = Symbol("unknown");

export type KnownVariables = {
  input: Pick<AnalysisInput, "variables" | "session">;
  /** What the script has set; null for what it has unset. */
  values: Map<string, string | null | typeof UNKNOWN>;
  /** Names that begin with one of these may have been set by a \gset. */
  clouded: string[];
  /** What was asked of the outside, and what it said. */
  given: Map<string, string | null>;
  session: Map<string, string | null>;
  /** All variables that are given were asked for. */
  all: boolean;
};

const FIRST = firstVariables();

export function knownVariables(input: KnownVariables["input"]): KnownVariables {
  const known: KnownVariables = {
    input,
    values: new Map(),
    clouded: [],
    given: new Map(),
    session: new Map(),
    all: false,
  };
  // These change what a script does without being named in it.
  for (const [name, value] of Object.entries(input.variables)) {
    if (isSpecial(name)) known.given.set(name, value);
  }
  return known;
}

/** The value; null for none. What comes from outside the script is noted. */
export function readVariable(known: KnownVariables, name: string): string | null | typeof UNKNOWN {
  const value = known.values.get(name);
  if (value !== undefined) return value;
  const outer = askOutside(known, name);
  return known.clouded.some((prefix) => name.startsWith(prefix)) && !isSpecial(name)
    ? UNKNOWN
    : outer;
}

/** The script may ask for any of them: a value that only the run knows is put in, and it may name others. */
export function noteAllGiven(known: KnownVariables): void {
  known.all = true;
  for (const [name, value] of Object.entries(known.input.variables)) {
    known.given.set(name, value);
  }
}

/** Sets it, null for \unset; in a branch in doubt it may also have stayed as it was. */
export function writeVariable(
  known: KnownVariables,
  name: string,
  value: string | null | typeof UNKNOWN,
  certain: boolean,
): void {
  if (!certain) readVariable(known, name);
  known.values.set(name, certain ? value : UNKNOWN);
}

/** A query sets variables whose names begin so, and which is not known. */
export function cloudVariables(known: KnownVariables, prefix: string): void {
  for (const name of known.values.keys()) {
    if (name.startsWith(prefix) && !isSpecial(name)) known.values.set(name, UNKNOWN);
  }
  known.clouded.push(prefix);
}

function askOutside(known: KnownVariables, name: string): string | null | typeof UNKNOWN {
  if (isSetByConnecting(name)) {
    const value = known.input.session?.[name] ?? null;
    known.session.set(name, value);
    return value ?? UNKNOWN;
  }
  if (isSetByRunning(name)) return UNKNOWN;
  const { variables } = known.input;
  const value = Object.hasOwn(variables, name) ? variables[name]! : null;
  known.given.set(name, value);
  return value ?? FIRST.get(name) ?? null;
}
