/** What a project command asks a job for: options that they share, and the request that is made of them. */
import { statSync } from "node:fs";
import type { Environment } from "@quern/contract/environment";
import type { JobInput } from "@quern/contract/job-input";
import { listProjects } from "@quern/contract/projects";
import type { z } from "zod";
import type { Context, Options, Values } from "../commands/command.ts";
import { CliError, EXIT, UsageError } from "../faults.ts";
import { collect } from "../folder/collect.ts";
import { type Folder, openFolder } from "../folder/send.ts";
import { parseDuration, parseNumber } from "../formats/times.ts";

type Asked = z.input<typeof JobInput>;

export const SOURCE_OPTIONS = {
  project: {
    type: "string",
    value: "NAME",
    words: "A project saved in Quern, by name or id, in place of a folder",
  },
} as const satisfies Options;

export const STATE_OPTIONS = {
  var: {
    type: "string",
    short: "v",
    multiple: true,
    value: "NAME=VALUE",
    words: "A psql variable; -v NAME takes its value from the environment",
  },
  engine: { type: "string", value: "13…18", words: "Major version of PostgreSQL" },
  extension: {
    type: "string",
    multiple: true,
    value: "NAME",
    words: "Created before the first file",
  },
  setting: {
    type: "string",
    multiple: true,
    value: "NAME=VALUE",
    words: "A setting of the server",
  },
  superuser: {
    type: "boolean",
    words: "Scripts run as superuser, where the installation allows it",
  },
  order: {
    type: "string",
    choices: ["phases", "linear"],
    words: "linear: every file after the one before it, tests too",
  },
  volatile: {
    type: "string",
    choices: ["pin", "deny", "nocache"],
    words: "Of files that call now() and such: keep what came first, refuse, make anew",
  },
} as const satisfies Options;

export const JOB_OPTIONS = {
  ...SOURCE_OPTIONS,
  ...STATE_OPTIONS,
  "no-cache": { type: "boolean", words: "Look nothing up: run every file" },
  keep: {
    type: "string",
    choices: ["auto", "all", "tail"],
    words: "Which states stay in the cache",
  },
  timeout: { type: "string", value: "TIME", words: "Of each file, as 500ms, 30s, 5m" },
} as const satisfies Options;

const TIMEOUT_MAX_MS = 3_600_000;

/** Where the files are: a folder of this machine, or a project that Quern keeps. */
export type Source =
  | { kind: "folder"; root: string; folder: Folder }
  | { kind: "project"; id: string; name: string };

/** The folder that was named (the present one when none was), or the saved project. Throws `CliError`. */
export async function findSource(
  context: Context,
  path: string | undefined,
  project: string | undefined,
): Promise<Source> {
  if (project !== undefined) {
    if (path !== undefined) throw new UsageError("Name a folder or --project, not both");
    return { kind: "project", ...(await findProject(context, project)) };
  }
  const root = path ?? ".";
  const files = await collect(root);
  if (files.length === 0) throw new CliError(`There are no files in ${root}`, EXIT.usage);
  const signal = context.interrupts.signal;
  const { client, fetch, terminal } = context;
  return { kind: "folder", root, folder: openFolder({ client, fetch, terminal, signal }, files) };
}

/** A project by its id or its exact name. Throws `CliError` when there is none, or several have the name. */
export async function findProject(
  { client }: Pick<Context, "client">,
  wanted: string,
): Promise<{ id: string; name: string }> {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(wanted))
    return { id: wanted, name: wanted };
  const { items } = await client.call(listProjects, { query: { search: wanted, limit: 200 } });
  const named = items.filter(({ name }) => name === wanted);
  if (named.length === 1) return { id: named[0]!.id, name: wanted };
  if (named.length > 1) {
    const ids = named.map(({ id }) => id).join(", ");
    throw new CliError(
      `${named.length} projects are called ${wanted}; say which by its id: ${ids}`,
      EXIT.usage,
    );
  }
  const like = items.slice(0, 5).map(({ name }) => name);
  const hint = like.length > 0 ? ` Did you mean ${like.join(", ")}?` : "";
  throw new CliError(`There is no project ${wanted} that you may see.${hint}`, EXIT.usage);
}

/** The head as it is called in the tree: `--head` may also be a path as the shell completes it. */
export function headIn(source: Source, head: string): string {
  const tidy = head.replace(/^\.\//, "");
  if (source.kind === "project") return tidy;
  const paths = new Set(source.folder.files.map(({ path }) => path));
  if (paths.has(tidy)) return tidy;
  const root = source.root.replace(/^\.\//, "").replace(/\/+$/, "");
  const inside = tidy.startsWith(`${root}/`) ? tidy.slice(root.length + 1) : tidy;
  if (paths.has(inside)) return inside;
  const there = statSync(head, { throwIfNoEntry: false }) !== undefined;
  const why = there ? "is not in the folder, or left out by .quernignore" : "is not there";
  throw new CliError(`${head} ${why}`, EXIT.usage);
}

/** The fields that `STATE_OPTIONS` ask for. Throws `UsageError`. */
export function stateOf(
  options: Values<typeof STATE_OPTIONS>,
  environment: NodeJS.ProcessEnv,
): Pick<Asked, "variables" | "environment" | "order" | "volatile"> {
  const wanted: Environment = {
    ...(options.engine === undefined
      ? {}
      : { engine_version: parseNumber("engine", options.engine, { min: 13, max: 18 }) }),
    ...(options.extension.length === 0 ? {} : { extensions: options.extension }),
    ...(options.setting.length === 0
      ? {}
      : { settings: Object.fromEntries(options.setting.map((each) => pair("setting", each))) }),
    ...(options.superuser ? { superuser: true } : {}),
  };
  return {
    ...(options.var.length === 0 ? {} : { variables: variablesOf(options.var, environment) }),
    ...(Object.keys(wanted).length === 0 ? {} : { environment: wanted }),
    ...(options.order === undefined ? {} : { order: options.order }),
    ...(options.volatile === undefined ? {} : { volatile: options.volatile }),
  };
}

/** The fields that `JOB_OPTIONS` ask for, besides those of the state. Throws `UsageError`. */
export function workOf(
  options: Pick<Values<typeof JOB_OPTIONS>, "no-cache" | "keep" | "timeout">,
): Pick<Asked, "no_cache" | "keep"> & { limits?: { timeout_ms: number } } {
  const timeout_ms =
    options.timeout === undefined ? undefined : parseDuration("timeout", options.timeout);
  if (timeout_ms !== undefined && timeout_ms > TIMEOUT_MAX_MS)
    throw new UsageError("--timeout is at most 1h");
  return {
    ...(options["no-cache"] ? { no_cache: true } : {}),
    ...(options.keep === undefined ? {} : { keep: options.keep }),
    ...(timeout_ms === undefined ? {} : { limits: { timeout_ms } }),
  };
}

function variablesOf(
  given: readonly string[],
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  return Object.fromEntries(
    given.map((each) => {
      if (each.includes("=")) return pair("var", each);
      // So that a secret is on no command line, which `ps` shows.
      const value = environment[each];
      if (value === undefined)
        throw new UsageError(
          `-v ${each} has no value: write ${each}=VALUE, or set ${each} in the environment`,
        );
      return [each, value];
    }),
  );
}

function pair(option: string, text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`--${option} is NAME=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}
