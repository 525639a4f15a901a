import {
  extendInstance,
  type Instance,
  type InstanceLogin,
  listInstances,
  makeInstancePassword,
  readInstance,
  resetInstance,
  stopInstance,
} from "@quern/contract/instances";
import { CliError, EXIT, type Exit, UsageError } from "../faults.ts";
import { listTable } from "../formats/table.ts";
import { duration, parseDuration, relative } from "../formats/times.ts";
import { findSource, headIn, JOB_OPTIONS, type Source, stateOf, workOf } from "../jobs/asked.ts";
import { type Asked, startJob } from "../jobs/create.ts";
import { followJob } from "../jobs/follow.ts";
import { exitOf, placesOf, showProgress } from "../jobs/show.ts";
import { type Context, command, type Values } from "./command.ts";
import { sayError } from "./project-run.ts";

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const START_OPTIONS = {
  head: {
    type: "string",
    value: "FILE",
    words: "The state before this file; after all files when left out",
  },
  ...JOB_OPTIONS,
  name: { type: "string", value: "NAME", words: "What it is called, and its user" },
  ttl: { type: "string", value: "TIME", words: "How long it lives, as 30m or 8h" },
} as const;
type StartOptions = Values<typeof START_OPTIONS>;

/** Starts an instance on the state of the source, and says it; or how the command ends when that fails. */
export async function startInstance(
  context: Context,
  path: string | undefined,
  options: StartOptions,
): Promise<Instance | Exit> {
  const source = await findSource(context, path, options.project);
  const asked: Asked = {
    type: "instance",
    ...stateOf(options, context.environment),
    ...workOf(options),
    ...(options.head === undefined ? {} : { head_path: headIn(source, options.head) }),
    instance: {
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.ttl === undefined ? {} : { ttl: secondsOf(options.ttl) }),
    },
  };
  return madeBy(context, source, await startJob(context, source, asked));
}

async function madeBy(context: Context, source: Source, job_id: string): Promise<Instance | Exit> {
  const places = placesOf(source, context.folder);
  const progress = showProgress(context, "warn", places);
  const job = await followJob(context, job_id, progress).finally(progress.end);
  sayError(context, job, places);
  const id = job.result?.type === "instance" ? job.result.instance_id : job.instance?.id;
  if (job.status !== "completed" || id === undefined) return exitOf(job) || EXIT.failed;
  return context.client.call(readInstance, { params: { id } });
}

function secondsOf(ttl: string): number {
  return Math.ceil(parseDuration("ttl", ttl) / 1000);
}

/** One that lives, by its name or id. Throws `CliError` when there is none. */
export async function findInstance({ client }: Context, wanted: string): Promise<Instance> {
  if (ID.test(wanted)) return client.call(readInstance, { params: { id: wanted } });
  const { items } = await client.call(listInstances, { query: { owner: "all", limit: 200 } });
  const found = items.find(({ name }) => name === wanted);
  if (found) return found;
  const names = items.map(({ name }) => name).join(", ");
  const hint = names === "" ? "None lives now." : `There is ${names}.`;
  throw new CliError(`There is no instance ${wanted}. ${hint}`, EXIT.usage);
}

/** A login with a new password: those that were made before hold for open sessions only. */
export async function loginTo({ client }: Context, instance: Instance): Promise<InstanceLogin> {
  if (instance.connection === null)
    throw new CliError(
      "The sandbox has no proxy, so that nothing outside of it reaches its instances: QUERN_SANDBOX_PROXY_ADDR turns it on.",
    );
  return client.call(makeInstancePassword, { params: { id: instance.id } });
}

export const instancesList = command({
  name: ["instances", "list"],
  takes: "",
  count: { min: 0, max: 0 },
  summary: "PostgreSQL instances that live for you",
  options: {
    all: { type: "boolean", words: "Everybody's; for admins" },
    ended: { type: "boolean", words: "Those that have ended, too" },
    json: { type: "boolean", words: "As JSON" },
  },
  async run({ options, context: { client, terminal } }) {
    const { items } = await client.call(listInstances, {
      query: {
        limit: 200,
        ...(options.all ? { owner: "all" as const } : {}),
        ...(options.ended ? { status: "all" as const } : {}),
      },
    });
    if (options.json) await terminal.out(`${JSON.stringify(items, null, 2)}\n`);
    else {
      const heads = ["name", "status", "engine", "ends", "sessions", "address", "created"];
      await terminal.out(listTable(heads, items.map(instanceRow), terminal.colours.out));
    }
    return EXIT.ok;
  },
});

function instanceRow(instance: Instance): string[] {
  const { name, status, engine, remaining_s, connections, connection, created_at } = instance;
  const ended = status === "ended";
  return [
    name,
    ended ? `ended (${instance.end_reason ?? "unknown"})` : status,
    engine,
    ended ? "" : `in ${duration(remaining_s * 1000)}`,
    String(connections),
    connection === null ? "" : `${connection.host}:${connection.port}`,
    relative(created_at),
  ];
}

export const instancesStart = command({
  name: ["instances", "start"],
  takes: "[PATH]",
  count: { min: 0, max: 1 },
  summary: "Start a PostgreSQL on the state of a project, yours to change",
  options: {
    ...START_OPTIONS,
    url: { type: "boolean", words: "Print a connection URL with its password, alone" },
    json: { type: "boolean", words: "As JSON, without the password" },
  },
  async run({ options, positionals, context }) {
    const instance = await startInstance(context, positionals[0], options);
    if (typeof instance === "number") return instance;
    const { terminal } = context;
    if (options.json) await terminal.out(`${JSON.stringify(instance, null, 2)}\n`);
    else if (options.url) await terminal.out(`${(await loginTo(context, instance)).url}\n`);
    else await terminal.out(instanceWords(instance));
    return EXIT.ok;
  },
});

function instanceWords({ name, engine, remaining_s, connection }: Instance): string {
  const lines = [
    `${name}: PostgreSQL ${engine}, for ${duration(remaining_s * 1000)}`,
    ...(connection === null ? [] : [connection.url]),
    `quern project shell --instance ${name} connects; quern instances url ${name} prints its address with a password.`,
  ];
  return `${lines.join("\n")}\n`;
}

export const instancesUrl = command({
  name: ["instances", "url"],
  takes: "NAME",
  count: { min: 1, max: 1 },
  summary: "Print a connection URL with a new password; those made before hold no more",
  options: {},
  async run({ positionals, context }) {
    const login = await loginTo(context, await findInstance(context, positionals[0]!));
    await context.terminal.out(`${login.url}\n`);
    return EXIT.ok;
  },
});

export const instancesStop = command({
  name: ["instances", "stop"],
  takes: "NAME…",
  count: { min: 1, max: 100 },
  summary: "End instances; what is in them is lost",
  options: {},
  async run({ positionals, context }) {
    for (const name of positionals) {
      const { id } = await findInstance(context, name);
      await context.client.call(stopInstance, { params: { id } });
      context.terminal.say(`${name}: stopping`);
    }
    return EXIT.ok;
  },
});

export const instancesReset = command({
  name: ["instances", "reset"],
  takes: "NAME",
  count: { min: 1, max: 1 },
  summary: "Bring an instance back to the state it began with; sessions end, the password stays",
  options: {},
  async run({ positionals, context }) {
    const { id, name } = await findInstance(context, positionals[0]!);
    await context.client.call(resetInstance, { params: { id } });
    context.terminal.say(`${name}: resetting`);
    return EXIT.ok;
  },
});

export const instancesExtend = command({
  name: ["instances", "extend"],
  takes: "NAME",
  count: { min: 1, max: 1 },
  summary: "Let an instance live for longer",
  options: { ttl: { type: "string", value: "TIME", words: "From now on, as 30m or 8h" } },
  async run({ options, positionals, context }) {
    if (options.ttl === undefined) throw new UsageError("Say for how long: --ttl TIME");
    const { id, name } = await findInstance(context, positionals[0]!);
    const { expires_at } = await context.client.call(extendInstance, {
      params: { id },
      body: { ttl: secondsOf(options.ttl) },
    });
    context.terminal.say(`${name}: ends ${relative(expires_at)}`);
    return EXIT.ok;
  },
});
