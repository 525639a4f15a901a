import { access, constants, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Binaries } from "./binaries.ts";
import type { OsUser } from "./os-user.ts";
import { diskFullError, PostmasterError, systemCode } from "./postmaster-error.ts";
import { type Exit, startProgram } from "./spawn.ts";

/** `fast` ends sessions, `smart` waits for them, `immediate` skips the checkpoint (recovery follows). */
export type StopMode = "smart" | "fast" | "immediate";

export type Server = { pid: number; exited: Promise<Exit>; stop(mode: StopMode): Promise<void> };

const STOP_SIGNAL = { smart: "SIGTERM", fast: "SIGINT", immediate: "SIGQUIT" } as const;
/** A fast stop waits for a checkpoint; past this it is better to lose the wait than the machine. */
const FAST_STOP_SECONDS = 60;
const QUIT_SECONDS = 10;

/**
 * Starts the postmaster and waits until it is ready, however long recovery takes; or gives its last
 * lines when it ended instead.
 */
export async function listen(
  dataDir: string,
  binaries: Binaries,
  user: OsUser | null,
  settings: Record<string, string>,
  log: (line: string) => void,
): Promise<Server | { lines: string[] }> {
  const lines: string[] = [];
  const all = { listen_addresses: "127.0.0.1", ...settings };
  const { child, exited } = await startProgram({
    command: binaries.postgres,
    args: (dir) => ["-D", dir, ...Object.entries(all).flatMap(([k, v]) => ["-c", `${k}=${v}`])],
    dataDir,
    user,
    background: { diesWithParentBy: "SIGINT", setpriv: await findSetpriv() },
    onLine(line) {
      lines.push(line);
      if (lines.length > 40) lines.shift();
      log(line);
    },
  });
  const { pid } = child;
  if (pid === undefined || !(await becomesReady(dataDir, pid, exited))) return { lines };
  return { pid, exited, stop: (mode) => stop(child, exited, mode) };
}

/**
 * Reads the status that the postmaster keeps in line 8 of its pid file, as pg_ctl does: a log line
 * would depend on log settings. False when the server ended instead.
 */
async function becomesReady(dataDir: string, pid: number, exited: Promise<Exit>): Promise<boolean> {
  let ended = false;
  const end = exited.finally(() => {
    ended = true;
  });
  while (!ended) {
    const lines = (await readPidFile(dataDir)).split("\n");
    if (lines[0] === String(pid) && lines[7]?.trim() === "ready") return true;
    await Promise.race([end, sleep(10)]);
  }
  return false;
}

async function readPidFile(dataDir: string): Promise<string> {
  try {
    return await readFile(join(dataDir, "postmaster.pid"), "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return "";
    throw error;
  }
}

async function stop(
  child: { kill(signal: NodeJS.Signals): boolean },
  exited: Promise<Exit>,
  mode: StopMode,
): Promise<void> {
  child.kill(STOP_SIGNAL[mode]);
  // smart waits for sessions to end by themselves, which is what its caller asked for.
  if (mode === "smart") {
    await exited;
    return;
  }
  if (await endsWithin(exited, mode === "fast" ? FAST_STOP_SECONDS : QUIT_SECONDS)) return;
  child.kill("SIGQUIT");
  if (await endsWithin(exited, QUIT_SECONDS)) return;
  child.kill("SIGKILL");
  await exited;
}

async function endsWithin(exited: Promise<Exit>, seconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), seconds * 1000);
  });
  const ended = await Promise.race([exited.then(() => true), late]);
  clearTimeout(timer);
  return ended;
}

/** Names what the server's last lines mean. */
export function startupError(dataDir: string, port: number, lines: string[]): PostmasterError {
  const said = lines.slice(-12).join("\n");
  if (/Address already in use|could not create any TCP\/IP sockets/.test(said)) {
    return new PostmasterError(
      "port_taken",
      `Port ${port} on 127.0.0.1 is taken. Choose another one, or stop the program that uses it.`,
    );
  }
  if (/No space left on device|Disk quota exceeded/.test(said)) return diskFullError(dataDir);
  if (/incompatible with server/.test(said)) {
    return new PostmasterError(
      "data_dir_version",
      `${dataDir} was made by another version of PostgreSQL:\n${said}`,
    );
  }
  return new PostmasterError("start_failed", `PostgreSQL did not start in ${dataDir}:\n${said}`);
}

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

/** setpriv of util-linux, which makes the kernel stop the server when we die; null without it. */
async function findSetpriv(): Promise<string | null> {
  for (const path of ["/usr/bin/setpriv", "/bin/setpriv"]) {
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}
