/** From the files of a job to a chain of states and a head. Nothing is run. */
import type { Environment } from "@quern/contract/environment";
import type { Volatile } from "@quern/contract/layers";
import { MAX_MANIFEST_BYTES } from "@quern/contract/projects";
import type { JobPolicy } from "@quern/store/job-spec";
import type { TreeFiles } from "@quern/store/trees";
import type { EnvironmentSpec, ResolvedEnvironment } from "../instances/instances.ts";
import { baseKey, stateKey, tailHash } from "./keys.ts";
import { MANIFEST, type Manifest, parseManifest } from "./manifest.ts";
import { tailOf } from "./order.ts";
import { PlanError } from "./plan-error.ts";
import type { ReadScript, ScriptBook } from "./script-book.ts";

/** A script with all that it may read. */
export type PlannedScript = {
  /** Of the file to begin with. */
  path: string;
  files: { path: string; digest: string }[];
  variables: Record<string, string>;
};

export type Step = PlannedScript & {
  volatile: Volatile[];
  volatile_later: boolean;
  checkpoint: boolean;
};

export type Head = PlannedScript & { text: string };

export type Chain = {
  environment: ResolvedEnvironment;
  /** The state was named by its key: it has no files, and it is there or it is not. */
  known: boolean;
  /** Of the states: the empty database, then one after each step. */
  keys: Buffer[];
  steps: Step[];
  /** The first state that is not looked up and not kept, and so none after it; null: all are. */
  private_from: number | null;
  keep: JobPolicy["keep"];
  tail_hash: Buffer;
  head: Head | null;
};

/** What is planned: a tree with a head, or without one. */
export type PlanInput = {
  tree: TreeFiles;
  manifest: Record<string, unknown> | null;
  head_path: string | null;
  /** The text of the head when that was typed in: then it has a path that only it has. */
  head_sql: string | null;
  variables: Record<string, string>;
  environment: Environment;
  policy: JobPolicy;
};

/** What planning needs of its surroundings. */
export type PlanRoom = {
  environment(asked: EnvironmentSpec): ResolvedEnvironment;
  scripts: ScriptBook;
  /** The bytes of a file of the tree. */
  read(digest: string): Promise<Buffer>;
};

/** Throws PlanError, and what `environment` throws. */
export async function plan(input: PlanInput, room: PlanRoom): Promise<Chain> {
  const manifest = await manifestOf(input, room);
  const environment = room.environment(specOf({ ...manifest.environment, ...input.environment }));
  const variables = { ...manifest.variables, ...input.variables };
  const head = headPath(input);
  // A head that was typed in is no step of the project, and sees all of it.
  const typed = input.head_sql !== null;
  const paths = Object.keys(input.tree).filter((path) => !(typed && path === head));
  const order = input.policy.order ?? manifest.order;
  const tail = tailOf(paths, { ...manifest, order }, typed ? null : head);
  const read = (path: string) => room.scripts.read(input.tree, path, variables, environment);
  const scripts = withDefaults(tail.map(read));
  const last = head === null ? null : read(head);
  refuseProblems(last === null ? scripts : [...scripts, last]);
  const private_from = firstPrivate(scripts, input.policy, manifest);
  return {
    environment,
    known: false,
    keys: keysOf(environment.env_key, scripts),
    steps: scripts.map((script) => ({
      ...script,
      checkpoint: script.checkpoint || (manifest.checkpoints?.includes(script.path) ?? false),
    })),
    private_from,
    keep: input.policy.keep,
    tail_hash: tailHash(
      environment.env_key,
      variables,
      scripts.map(({ path }) => ({ path, digest: input.tree[path]!.digest })),
    ),
    head: await headOf(input, room, last),
  };
}

/**
 * A default that is volatile is evaluated by whoever puts rows into its table: there it is marked, at the place where it is
 * written down. Tables are known by their names alone; a row that has a value for the column counts, too.
 */
function withDefaults(scripts: readonly ReadScript[]): ReadScript[] {
  const known = new Map<string, Volatile[]>();
  return scripts.map((script) => {
    for (const { relation, volatile } of script.stored) {
      if (relation !== null) known.set(relation, [...(known.get(relation) ?? []), volatile]);
    }
    const evaluated = script.writes.flatMap((table) => known.get(table) ?? []);
    return evaluated.length === 0
      ? script
      : { ...script, volatile: [...script.volatile, ...evaluated] };
  });
}

/** A head on a state that is known by its key. `head`: the path in `tree` of one that was typed in. */
export function planKnown(
  key: Buffer,
  environment: ResolvedEnvironment,
  input: Pick<PlanInput, "tree" | "head_path" | "head_sql" | "variables">,
  room: Pick<PlanRoom, "scripts">,
): Chain {
  const { tree, head_path, head_sql, variables } = input;
  const script =
    head_path === null ? null : room.scripts.read(tree, head_path, variables, environment);
  if (script !== null) refuseProblems([script]);
  return {
    environment,
    known: true,
    keys: [key],
    steps: [],
    private_from: null,
    keep: "auto",
    // Of its files nothing is known but what they made.
    tail_hash: key,
    head: script !== null && head_sql !== null ? { ...script, text: head_sql } : null,
  };
}

async function manifestOf(input: PlanInput, room: PlanRoom): Promise<Manifest> {
  if (input.manifest !== null) return parseManifest(JSON.stringify(input.manifest));
  const file = input.tree[MANIFEST];
  if (file === undefined) return {};
  if (file.size > MAX_MANIFEST_BYTES) {
    const message = `${MANIFEST} is larger than ${MAX_MANIFEST_BYTES} bytes.`;
    throw new PlanError({ code: "invalid_manifest", message, file: MANIFEST });
  }
  return parseManifest((await room.read(file.digest)).toString("utf8"));
}

/** Settings as the server writes them. */
export function specOf({
  engine_version,
  extensions,
  settings,
  superuser,
}: Environment): EnvironmentSpec {
  const texts = Object.entries(settings ?? {}).map(([name, value]) => [name, String(value)]);
  return {
    ...(engine_version !== undefined && { engine_version }),
    ...(extensions !== undefined && { extensions }),
    ...(superuser !== undefined && { superuser }),
    settings: Object.fromEntries(texts),
  };
}

function headPath({ head_path, tree }: PlanInput): string | null {
  if (head_path === null || tree[head_path] !== undefined) return head_path;
  throw new PlanError({
    code: "missing_head",
    message: `The head, ${head_path}, is not one of the project's files.`,
    hint: "Paths begin at the project's folder: test/count.sql.",
    file: head_path,
  });
}

/** Told is the first; how many more there are, its words say. */
function refuseProblems(scripts: readonly ReadScript[]): void {
  const problems = scripts.flatMap((script) => script.problems);
  const [first] = problems;
  if (first === undefined) return;
  const more = problems.length - 1;
  const rest = more > 0 ? ` (${more} more like this in the project)` : "";
  throw new PlanError({ ...first, message: first.message + rest });
}

/** The step whose state is this job's alone, by what the job says of volatile files, or of the cache. */
function firstPrivate(
  scripts: readonly ReadScript[],
  policy: JobPolicy,
  manifest: Manifest,
): number | null {
  if (policy.no_cache) return 1;
  const rule = policy.volatile ?? manifest.volatile ?? "pin";
  const at = scripts.findIndex(({ volatile }) => volatile.length > 0);
  if (rule === "pin" || at === -1) return null;
  if (rule === "nocache") return at + 1;
  const { path, line, what } = scripts[at]!.volatile[0]!;
  throw new PlanError({
    code: "volatile_denied",
    message: `${scripts[at]!.path} evaluates ${what}, which gives something else each time, and this job allows no such thing.`,
    hint: "Write the value into the file, or use the policy pin: then the state is kept as it was first made.",
    file: path,
    line,
  });
}

function keysOf(envKey: Buffer, scripts: readonly ReadScript[]): Buffer[] {
  const keys = [baseKey(envKey)];
  for (const { key } of scripts) keys.push(stateKey(keys.at(-1)!, key));
  return keys;
}

async function headOf(
  input: PlanInput,
  room: PlanRoom,
  script: ReadScript | null,
): Promise<Head | null> {
  if (script === null) return null;
  if (input.head_sql !== null) return { ...script, text: input.head_sql };
  const bytes = await room.read(input.tree[script.path]!.digest);
  return { ...script, text: bytes.toString("utf8") };
}
