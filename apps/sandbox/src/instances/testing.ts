/** Instances for tests: a folder of their own, and a base of each version made once per test file. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLog } from "@quern/runtime/log";
import { Client } from "pg";
import { Registry } from "prom-client";
import type { Instance, InstanceStart, Instances, ResolvedEnvironment } from "./instances.ts";
import { defaultLimits } from "./limits.ts";
import { type InstancesOptions, startInstances } from "./start.ts";

export type TestInstances = {
  instances: Instances;
  folder: string;
  registry: Registry;
  /** A base of the environment, made once. */
  base(environment: ResolvedEnvironment): Promise<string>;
  stop(): Promise<void>;
};

export async function openTestInstances(
  options: Partial<InstancesOptions> = {},
): Promise<TestInstances> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "quern-instances-")));
  const registry = new Registry();
  const instances = await startInstances({
    clone: "auto",
    uids: "71000-71255",
    allow_superuser: true,
    // Reading all binaries takes seconds.
    digests: `/tmp/quern-test-engines-${process.getuid?.()}`,
    limits: defaultLimits,
    pool: 0,
    registry,
    log: openLog("test", "fatal"),
    ...options,
    folder,
  });
  const bases = new Map<string, Promise<string>>();
  return {
    instances,
    folder,
    registry,
    base(environment) {
      const name = environment.env_key.toString("hex");
      const directory = join(folder, "layers", name);
      const made =
        bases.get(name) ??
        (existsSync(directory)
          ? Promise.resolve(directory)
          : instances.makeBase(environment, directory).then(() => directory));
      bases.set(name, made);
      return made;
    },
    async stop() {
      await instances.stop();
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Starts a clone of the base of an environment. */
export async function startOn(
  test: TestInstances,
  environment: ResolvedEnvironment,
  rest: Partial<InstanceStart> = {},
): Promise<Instance> {
  return test.instances.start({
    from: await test.base(environment),
    key: environment.env_key,
    environment,
    purpose: "head",
    holder: { kind: "sandbox", id: "test" },
    ...rest,
  });
}

/** Runs `work` on a session of `owner`, or of another user. */
export async function withSession<T>(
  instance: Instance,
  work: (client: Client) => Promise<T>,
  user = "owner",
  database = "project",
): Promise<T> {
  const client = new Client({ host: instance.socket_dir, port: instance.port, user, database });
  client.on("error", () => {
    // The query that is under way tells.
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
