/** What is known of scripts without running them. A script is read once; afterwards it is known by what it and its files hold. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { JOB_ERRORS, type JobErrorCode } from "@quern/contract/job-error";
import type { Volatile } from "@quern/contract/layers";
import { type Analysis, type AnalysisMemo, analyseScript } from "@quern/psql/analysis";
import { stepKeyInputs } from "@quern/psql/step-key";
import type { TreeFiles } from "@quern/store/trees";
import type { ResolvedEnvironment } from "../instances/instances.ts";
import type { PlanProblem } from "./plan-error.ts";

/** A script as the planner needs it. */
export type ReadScript = {
  path: string;
  /** All that it may read, itself included. */
  files: { path: string; digest: string }[];
  variables: Record<string, string>;
  /** What it does, for the key of the state after it; 32 bytes. */
  key: Buffer;
  /** What is evaluated when it runs. */
  volatile: Volatile[];
  /** What it stores for later, by the table whose default it is; null: of a view, a rule and such. */
  stored: { relation: string | null; volatile: Volatile }[];
  /** Tables that it may put rows into: their defaults are evaluated then. */
  writes: string[];
  /** Whether it defines routines that are volatile when they are called, or stores something that is when it is evaluated. */
  volatile_later: boolean;
  checkpoint: boolean;
  problems: PlanProblem[];
};

export type ScriptBook = {
  read(
    tree: TreeFiles,
    path: string,
    variables: Record<string, string>,
    environment: ResolvedEnvironment,
  ): ReadScript;
};

/** `pathOf`: where the bytes of a digest are on this disk. */
export function openScriptBook(pathOf: (digest: string) => string): ScriptBook {
  const memo: AnalysisMemo = new Map();
  return {
    read(tree, path, variables, environment) {
      const analysis = analyseScript(
        {
          files: {
            read: (at) => (tree[at] ? readFileSync(pathOf(tree[at].digest)) : null),
            digest: (at) => tree[at]?.digest ?? null,
          },
          entry: path,
          variables,
          session: sessionOf(environment),
          superuser: environment.superuser,
        },
        memo,
      );
      return asRead(analysis, tree, variables);
    },
  };
}

/** What psql would know from connecting. */
function sessionOf({ engine }: ResolvedEnvironment): Record<string, string> {
  const [major = 0, minor = 0] = engine.version.split(".").map(Number);
  return {
    DBNAME: "project",
    USER: "owner",
    SERVER_VERSION_NAME: engine.version,
    SERVER_VERSION_NUM: String(major * 10_000 + minor),
    ENCODING: "UTF8",
  };
}

function asRead(
  analysis: Analysis,
  tree: TreeFiles,
  variables: Record<string, string>,
): ReadScript {
  const whole = analysis.dynamic !== null;
  const files = whole
    ? Object.entries(tree).map(([path, { digest }]) => ({ path, digest }))
    : analysis.files.map(({ path, digest }) => ({ path, digest }));
  return {
    path: analysis.entry,
    files,
    variables,
    key: whole ? keyOf(analysis, files) : (KEYS.get(analysis) ?? keyOf(analysis, null)),
    // What a routine calls, it calls when it is called.
    volatile: marksOf(analysis, ["statement", "do"]).map(({ volatile }) => volatile),
    stored: marksOf(analysis, ["stored"]),
    writes: analysis.writes,
    volatile_later: marksOf(analysis, ["routine", "stored"]).length > 0,
    checkpoint: analysis.checkpoints.length > 0,
    problems: analysis.problems.filter(({ certain }) => certain).map(asProblem),
  };
}

function marksOf({ volatile }: Analysis, places: readonly Analysis["volatile"][number]["where"][]) {
  return volatile
    .filter(({ where }) => places.includes(where))
    .map(({ file, line, what, relation }) => ({ relation, volatile: { path: file, line, what } }));
}

/** Of analyses that are remembered, and say all that their key is made of. */
const KEYS = new WeakMap<Analysis, Buffer>();

/** `files`: all of the tree, where it is not known which are read. */
function keyOf(analysis: Analysis, files: ReadScript["files"] | null): Buffer {
  const key = createHash("sha256")
    .update(stepKeyInputs(analysis, files && digestOf(files)))
    .digest();
  if (files === null) KEYS.set(analysis, key);
  return key;
}

function digestOf(files: ReadScript["files"]): Buffer {
  const named = files.map(({ path, digest }) => [path, digest]).sort();
  return createHash("sha256").update(JSON.stringify(named)).digest();
}

function asProblem({ code, message, hint, place }: Analysis["problems"][number]): PlanProblem {
  const known = code in JOB_ERRORS ? (code as JobErrorCode) : "script_error";
  return { code: known, message, hint, file: place.file, line: place.line };
}
