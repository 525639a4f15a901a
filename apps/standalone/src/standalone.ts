/**
 * Everything on one machine: PostgreSQL, migrations, keys, demo data, then the api and the runner as
 * processes of their own. What was started is stopped in the opposite order, PostgreSQL last.
 */
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Running } from "@quern/runtime/running";
import { openDatabase } from "@quern/store/db";
import { ensureDemoDatasource } from "@quern/store/demo";
import { ensureKeys } from "@quern/store/keys";
import { migrate } from "@quern/store/migrate";
import { childEnvironment, laterPort, localUrl, sandboxSettings } from "./child-environment.ts";
import { type Child, launchChild, startChild } from "./child-process.ts";
import { type DataFolder, keptSecret, openDataFolder } from "./data-folder.ts";
import { type MetadataDatabase, startDatabase, useDatabase } from "./database.ts";
import { DEMO_DATABASE, DEMO_READER, ensureDemo } from "./demo/demo-database.ts";
import { loadExampleProject } from "./demo/example-project.ts";
import { loadExamples } from "./demo/examples.ts";
import { openLogFile } from "./log-file.ts";
import { launchMonitor, MONITORED } from "./monitor.ts";
import { errorCode, StartProblem } from "./problem.ts";
import { prepareReaders } from "./readers-server.ts";
import type { StandaloneSettings } from "./settings.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

export type RunningStandalone = Running & {
  url: string;
  /** Where the first admin is made, while there is none. */
  setupLink: string | null;
  /** Ends everything at once, in no order. */
  kill(): Promise<void>;
};

export type Surroundings = {
  terminal?: Terminal;
  /** Aborts the start between two steps; what runs by then is stopped. */
  signal?: AbortSignal;
  /** Told when something that Quern cannot run without is gone for good. */
  onLost?: (error: unknown) => void;
};

type Part = { stop(): Promise<void>; kill?(): Promise<void> | void };

/** Resolves when the api serves. Throws what `inWords` has words for, having stopped everything again. */
export async function start(
  settings: StandaloneSettings,
  surroundings: Surroundings = {},
): Promise<RunningStandalone> {
  const { terminal = openTerminal(), signal, onLost = () => {} } = surroundings;
  const parts: Part[] = [];
  const stopAll = async () => {
    // Each stays in the list until it has stopped, so that a kill meanwhile reaches it.
    for (let part = parts.at(-1); part !== undefined; part = parts.at(-1)) {
      await part.stop();
      parts.pop();
    }
  };
  const step = <T>(name: string, work: (detail: (text: string) => void) => Promise<T>) => {
    signal?.throwIfAborted();
    return terminal.step(name, work);
  };
  try {
    const folder = await openDataFolder(settings.QUERN_DATA_DIR);
    parts.push({ stop: () => folder.lock.release() });
    await checkPort(settings);
    const database = await step("PostgreSQL", async (detail) => {
      detail(settings.DATABASE_URL ? "yours, by DATABASE_URL" : `in ${folder.path}`);
      return openMetadata(settings, folder, terminal, onLost, parts);
    });
    const keys = settings.QUERN_KEYS ?? join(folder.path, "keys");
    await step("Migrations and keys", async (detail) => {
      const { applied } = await migrate(database.url);
      detail(applied.length === 0 ? "up to date" : `${applied.length} applied`);
      if (settings.QUERN_KEYS === undefined) await ensureKeys(keys);
      await prepareReaders(database, keys);
    });
    if (settings.QUERN_DEMO !== "0") {
      await step("Demo data", (detail) => offerDemo(database, folder, keys, detail));
    }
    const env = await childEnvironment(settings, folder, database.url, keys);
    const runnerEnv = { ...env, ...laterPort(env.QUERN_METRICS_ADDR, 1) };
    await step("Runner", () => startPart("runner", runnerEnv, folder, terminal, parts));
    const ready = await step("API", () => startPart("api", env, folder, terminal, parts));
    signal?.throwIfAborted();
    if (settings.QUERN_SANDBOX === "1") {
      const sandboxEnv = {
        ...env,
        ...sandboxSettings(),
        ...laterPort(env.QUERN_METRICS_ADDR, 2),
      };
      parts.push(await launchSandbox(sandboxEnv, folder, terminal));
    }
    signal?.throwIfAborted();
    if (settings.QUERN_MONITOR === "1") {
      parts.push(launchMonitor({ settings, folder, database, keys }, terminal.say));
    }
    if (settings.QUERN_DEMO === "1") {
      parts.push(startLoadingExamples(database.url, settings, terminal));
    }
    return {
      url: ready.url ?? settings.QUERN_BASE_URL ?? `http://localhost:${settings.PORT}`,
      setupLink: ready.setupLink,
      stop: stopAll,
      async kill() {
        await Promise.all(parts.reverse().map((part) => (part.kill ? part.kill() : part.stop())));
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function openMetadata(
  settings: StandaloneSettings,
  folder: DataFolder,
  terminal: Terminal,
  onLost: (error: unknown) => void,
  parts: Part[],
): Promise<MetadataDatabase> {
  if (settings.DATABASE_URL) return useDatabase(settings.DATABASE_URL);
  const log = await openLogFile(join(folder.path, "logs", "postgres.log"), terminal.say);
  parts.push({ stop: () => log.close() });
  const monitored = settings.QUERN_MONITOR === "1" ? MONITORED : {};
  const database = await startDatabase(folder, log.write, terminal.say, onLost, monitored);
  parts.push(database);
  return database;
}

/** Quern goes without demo data rather than not at all, where a server of yours does not allow it. */
async function offerDemo(
  database: MetadataDatabase,
  folder: DataFolder,
  keys: string,
  detail: (text: string) => void,
): Promise<void> {
  const password = await keptSecret(folder.path, "demo-reader.password");
  detail("loading flights, outages and trades");
  const outcome = await ensureDemo(database.adminUrl, password);
  if (outcome.state === "skipped") {
    detail(`skipped: ${outcome.reason}`);
    return;
  }
  detail(outcome.state === "loaded" ? "loaded" : "there already");
  const { hostname, port } = new URL(database.adminUrl);
  const db = openDatabase(database.url, { max: 1 });
  try {
    await ensureDemoDatasource(db, keys, {
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || 5432),
      database: DEMO_DATABASE,
      user: DEMO_READER,
      password,
    });
  } finally {
    await db.destroy();
  }
}

/** In the background: without an admin they wait for one, and nobody waits for them. */
function startLoadingExamples(
  databaseUrl: string,
  settings: StandaloneSettings,
  terminal: Terminal,
): Part {
  const stopping = new AbortController();
  const url = localUrl(settings);
  const db = openDatabase(databaseUrl, { max: 1 });
  const tell = (what: string) => (error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    terminal.say(`${what} not loaded: ${why} The next start tries again.`);
  };
  const loads = [
    loadExamples(db, url, stopping.signal).catch(tell("The example dashboards were")),
    ...(settings.QUERN_SANDBOX === "1"
      ? [loadExampleProject(db, url, stopping.signal).catch(tell("The example project was"))]
      : []),
  ];
  const loading = Promise.all(loads).finally(() => db.destroy());
  return {
    async stop() {
      stopping.abort();
      await loading;
    },
  };
}

async function startPart(
  name: "api" | "runner",
  env: Record<string, string>,
  folder: DataFolder,
  terminal: Terminal,
  parts: Part[],
): Promise<{ url: string | null; setupLink: string | null }> {
  const log = await openLogFile(join(folder.path, "logs", `${name}.log`), terminal.say);
  parts.push({ stop: () => log.close() });
  let details: Record<string, unknown> = {};
  const child: Child = await startChild({
    name,
    entry: fileURLToPath(new URL(`../../${name}/dist/main.js`, import.meta.url)),
    env,
    log,
    say: terminal.say,
    onReady(message) {
      details = message;
    },
  });
  parts.push(child);
  const { url, setup_link } = details;
  return {
    url: typeof url === "string" ? url : null,
    setupLink: typeof setup_link === "string" ? setup_link : null,
  };
}

/** In the background, since nothing else needs it. Quern goes without Projects where this machine does not allow them. */
async function launchSandbox(
  env: Record<string, string>,
  folder: DataFolder,
  terminal: Terminal,
): Promise<Part> {
  const log = await openLogFile(join(folder.path, "logs", "sandbox.log"), terminal.say);
  const entry = fileURLToPath(new URL("../../sandbox/dist/main.js", import.meta.url));
  const child = launchChild({ name: "sandbox", entry, env, log, say: terminal.say });
  let stopping = false;
  const started = child.ready.catch((error: unknown) => {
    if (!(error instanceof StartProblem)) throw error;
    if (!stopping)
      terminal.say(`Projects cannot be run: ${error.message} The rest of Quern works.`);
  });
  return {
    kill: () => child.kill(),
    async stop() {
      stopping = true;
      await child.stop();
      await started;
      await log.close();
    },
  };
}

/** Asked before anything is started: a port that is taken is the commonest reason not to start. */
async function checkPort({ PORT, HOST }: StandaloneSettings): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(PORT, HOST, resolve);
    });
  } catch (error) {
    const code = errorCode(error);
    if (code === "EADDRINUSE") {
      throw new StartProblem(
        `Port ${PORT} is taken by another program. Stop that one, or choose another port: PORT=${PORT + 1} make up.`,
      );
    }
    if (code === "EACCES") {
      throw new StartProblem(
        `Port ${PORT} needs privileges. Choose one above 1023: PORT=3000 make up.`,
      );
    }
    if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
      throw new StartProblem(`HOST=${HOST} is not an address of this machine.`);
    }
    throw error;
  }
  await new Promise((resolve) => server.close(resolve));
}
