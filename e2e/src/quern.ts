/** The product as a person starts it: the standalone process with all that it starts, on a data folder of its own. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Client, createClient } from "@quern/contract/client";
import { unusedPort } from "@quern/store/testing-port";

const STANDALONE = fileURLToPath(new URL("../../apps/standalone/dist/main.js", import.meta.url));
const READY_MS = 120_000;
/** Names the folder that a first start has filled. */
export const PREPARED = "QUERN_E2E_PREPARED";

export type Quern = {
  url: string;
  dataDir: string;
  /** All that it printed so far. */
  output(): string;
  /** The one-time link of the console, when there is no admin yet. */
  setupLink(): string;
  /** Process ids of its children by name, as they are now. */
  pids(entry: "api" | "runner"): Promise<number[]>;
  /** Sends SIGTERM and resolves with the exit code when all has ended. */
  stop(): Promise<number | null>;
  /** Starts it again in the same data folder. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/**
 * Starts Quern in a new folder, with the demo data in it, and waits until it says that it is ready. The example dashboards come
 * only with `QUERN_DEMO: "1"`: their runs would be among those that a test makes. Projects come with `QUERN_SANDBOX: "1"`, Health of its own
 * database with `QUERN_MONITOR: "1"`.
 */
export async function startQuern(environment: Record<string, string> = {}): Promise<Quern> {
  const dataDir = await mkdtemp(join(tmpdir(), "quern-e2e-"));
  const prepared = process.env[PREPARED];
  if (prepared !== undefined) await promisify(execFile)("cp", ["-a", `${prepared}/.`, dataDir]);
  const port = await unusedPort();
  const url = `http://localhost:${port}`;
  let output = "";
  let child: ChildProcess;

  const launch = async () => {
    output = "";
    child = spawn(process.execPath, [STANDALONE], {
      env: {
        ...{ PATH: process.env.PATH, QUERN_DATA_DIR: dataDir, PORT: String(port) },
        ...{ QUERN_DEMO: "data", QUERN_SANDBOX: "0", QUERN_MONITOR: "0", ...environment },
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout!.on("data", (chunk) => (output += chunk));
    child.stderr!.on("data", (chunk) => (output += chunk));
    const deadline = Date.now() + READY_MS;
    while (!output.includes("Quern is ready at")) {
      if (child.exitCode !== null || Date.now() > deadline) {
        child.kill("SIGTERM");
        throw new Error(`Quern did not start:\n${output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
    return child.exitCode;
  };
  await launch();
  return {
    url,
    dataDir,
    output: () => output,
    setupLink: () => /https?:\/\/\S+\/setup#token=[\w-]+/.exec(output)![0],
    pids: (entry) => childPids(child.pid!, `apps/${entry}/dist/main.js`),
    stop,
    restart: launch,
    async [Symbol.asyncDispose]() {
      await stop();
      await tellErrors(join(dataDir, "logs", "api.log"));
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Signs in and returns a client that acts by an access token. */
export async function signInClient(url: string, email: string, password: string): Promise<Client> {
  return createClient(url, await makeToken(url, email, password));
}

/** Signs in and makes an access token. */
export async function makeToken(url: string, email: string, password: string): Promise<string> {
  const headers = { "content-type": "application/json", origin: url };
  const session = await fetch(`${url}/api/v1/session`, {
    method: "POST",
    headers,
    body: JSON.stringify({ email, password }),
  });
  if (!session.ok) throw new Error(`signing in as ${email}: ${await session.text()}`);
  const cookie = session.headers
    .getSetCookie()
    .map((one) => one.split(";")[0])
    .join("; ");
  const made = await fetch(`${url}/api/v1/tokens`, {
    method: "POST",
    headers: { ...headers, cookie },
    body: JSON.stringify({ name: "e2e" }),
  });
  const { token } = (await made.json()) as { token: string };
  return token;
}

/** The API's own errors, for the log of a test that saw only their status. */
async function tellErrors(log: string): Promise<void> {
  for (const line of (await readFile(log, "utf8")).split("\n")) {
    if (line.startsWith('{"level":50')) console.error(line);
  }
}

/** Children of `parent` (any depth) whose command line holds `text`. */
async function childPids(parent: number, text: string): Promise<number[]> {
  const children = (await readFile(`/proc/${parent}/task/${parent}/children`, "utf8"))
    .trim()
    .split(/\s+/)
    .filter(Boolean)
    .map(Number);
  const found = await Promise.all(
    children.map(async (pid) => {
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(ignoreGone);
      return [
        ...(command.includes(text) ? [pid] : []),
        ...(command === "" ? [] : await childPids(pid, text).catch(ignoreGoneList)),
      ];
    }),
  );
  return found.flat();
}

function ignoreGone(error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT" || error.code === "ESRCH") return "";
  throw error;
}

function ignoreGoneList(error: NodeJS.ErrnoException): number[] {
  ignoreGone(error);
  return [];
}
