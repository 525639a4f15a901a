/** What a script would read and do, found without a server: for the keys of its state, and for errors before it runs. */
import type { ScriptProblem } from "./script-error.ts";
import type { StatementKind } from "./statement-facts.ts";
import { isSpecial } from "./variables.ts";
import type { VolatileKind } from "./volatility.ts";
import { walkEntry } from "./walk.ts";
import type { Asked } from "./walk-state.ts";

export type AnalysisFiles = {
  /** The bytes of a file; null when the tree has no such file. Called only for files that are read as scripts. */
  read(path: string): Uint8Array | null;
  /** Its SHA-256, in hex, with or without `sha256:` before it; null when the tree has no such file. */
  digest(path: string): string | null;
};

export type AnalysisInput = {
  files: AnalysisFiles;
  entry: string;
  /** What the script will be given. */
  variables: Record<string, string>;
  /** What psql sets on connecting, as far as it is known before: SERVER_VERSION_NUM, DBNAME … */
  session?: Record<string, string>;
  /** The script runs as a superuser, so the server would not refuse COPY with files and programs. */
  superuser?: boolean;
};

export type AnalysedFile = { path: string; digest: string; how: "script" | "copy" };

export type AnalysedProblem = ScriptProblem & {
  /** False when it is in a branch of which only the run knows whether it is taken. */
  certain: boolean;
};

export type Volatile = {
  /** Such as `now`; HOST and PORT of the variables. */
  what: string;
  kind: VolatileKind;
  /**
   * In a statement or the body of a DO, which evaluate it; in the definition of a routine, which runs only when it is called;
   * or stored with a default, a view and such.
   */
  where: "statement" | "do" | "routine" | "stored";
  /** Of a default: the table, without its schema. Rows that it gets later get another value each. */
  relation: string | null;
  file: string;
  line: number;
};

export type Analysis = {
  entry: string;
  /** Each file once, in the order in which they are first read. */
  files: AnalysedFile[];
  /** What is read hangs on something that only the run knows, so the step's key must cover the whole tree. Null: certain. */
  dynamic: { reason: string; file: string; line: number } | null;
  /** Variables that the script asks for before it has set them itself; null for one that is not set. Sorted by name. */
  variables: { name: string; value: string | null }[];
  volatile: Volatile[];
  /** Tables that it may put rows into, without their schemas. */
  writes: string[];
  /** Kinds of statements that are seen, each with its first place. */
  kinds: { kind: StatementKind; file: string; line: number }[];
  /** Whether the last statement states an order of its rows; null when it is no query. */
  ordered: boolean | null;
  /** Lines that are `-- sqlr:checkpoint`. */
  checkpoints: { file: string; line: number }[];
  /** All that is wrong, in order. */
  problems: AnalysedProblem[];
  statements: number;
  /** What goes into the step's key: see step-key.ts. */
  parts: KeyPart[];
};

/** The script as a sequence of what is read, without names of files. Digests are SHA-256 in hex. */
export type KeyPart =
  | { part: "file" }
  | { part: "text"; digest: string }
  | { part: "copy"; digest: string }
  | { part: "missing" }
  | { part: "end" };

type Remembered = { analysis: Analysis; asked: Asked };

/** Analyses of earlier, to be had again while nothing they asked for has changed. */
export type AnalysisMemo = Map<string, Remembered[]>;

const MAX_REMEMBERED = 20_000;
/** Of one file, for different variables. */
const MAX_VARIANTS = 8;

/** Reads the entry and what it includes. `memo` is kept by the caller; without one nothing is remembered. */
export function analyseScript(input: AnalysisInput, memo: AnalysisMemo = new Map()): Analysis {
  const key = `${input.superuser === true} ${input.files.digest(input.entry)} ${input.entry}`;
  const variants = memo.get(key) ?? [];
  const known = variants.find(({ asked }) => isUnchanged(input, asked));
  if (known !== undefined) return known.analysis;
  const { analysis, asked } = walkEntry(input);
  memo.delete(key);
  memo.set(key, [{ analysis, asked }, ...variants].slice(0, MAX_VARIANTS));
  if (memo.size > MAX_REMEMBERED) memo.delete(memo.keys().next().value!);
  return analysis;
}

function isUnchanged({ files, variables, session }: AnalysisInput, asked: Asked): boolean {
  for (const [path, digest] of asked.files) if (files.digest(path) !== digest) return false;
  // These count without being asked for.
  const isNew = (name: string) => (asked.all || isSpecial(name)) && !asked.given.has(name);
  if (Object.keys(variables).some(isNew)) return false;
  for (const [name, value] of asked.given) {
    if ((Object.hasOwn(variables, name) ? variables[name] : null) !== value) return false;
  }
  for (const [name, value] of asked.session) if ((session?.[name] ?? null) !== value) return false;
  return true;
}
