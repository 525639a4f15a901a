/**
 * One process of the product, kept alive: its log goes to a file, what matters of it to the terminal,
 * and when it dies it is started again, each time after a longer pause.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { createInterface } from "node:readline";
import type { LogFile } from "./log-file.ts";
import { StartProblem } from "./problem.ts";

export type ChildOptions = {
  name: string;
  /** The built entry point. */
  entry: string;
  /** Its whole environment. */
  env: Record<string, string>;
  log: LogFile;
  say: (text: string) => void;
  /** Told each time that it serves, with what it says of itself. */
  onReady?: (details: Record<string, unknown>) => void;
  pauses?: { firstMs: number; longestMs: number; forgetAfterMs: number };
};

export type Child = {
  pid(): number | undefined;
  /** SIGTERM, and SIGKILL when it has not ended after `STOP_SECONDS`. */
  stop(): Promise<void>;
  /** SIGKILL at once. */
  kill(): void;
};

const PAUSES = { firstMs: 500, longestMs: 30_000, forgetAfterMs: 60_000 };
const STOP_SECONDS = 35;
const READY_SECONDS = 90;

/** Starts it and waits until it serves. Throws StartProblem when it ends before that the first time. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const child = launchChild(options);
  await child.ready;
  return child;
}

/** The same, without waiting: `ready` rejects with StartProblem when it does not come up, and it is not started again then. */
export function launchChild(options: ChildOptions): Child & { ready: Promise<void> } {
  const { name, say, pauses = PAUSES } = options;
  let stopping = false;
  let current = launch(options);
  let pause = pauses.firstMs;
  let restart: NodeJS.Timeout | undefined;

  const keepAlive = (launched: Launched) => {
    const began = Date.now();
    launched.exited.then((how) => {
      if (stopping) return;
      if (Date.now() - began >= pauses.forgetAfterMs) pause = pauses.firstMs;
      say(`${name} | ended unexpectedly (${how}); starting it again in ${pause / 1000} s`);
      restart = setTimeout(() => {
        current = launch(options);
        keepAlive(current);
        current.ready.then(() => say(`${name} | runs again`), ignoreEarlyExit);
      }, pause);
      pause = Math.min(pause * 2, pauses.longestMs);
    });
  };

  const first = current;
  const ready = first.ready.then(
    () => keepAlive(first),
    async (error: unknown) => {
      stopping = true;
      await end(first, "SIGKILL");
      throw error;
    },
  );
  return {
    ready,
    pid: () => current.child.pid,
    kill() {
      stopping = true;
      clearTimeout(restart);
      current.child.kill("SIGKILL");
    },
    async stop() {
      stopping = true;
      clearTimeout(restart);
      await end(current, "SIGTERM");
    },
  };
}

/** A start that failed is reported by keepAlive, which sees the same exit. */
function ignoreEarlyExit(error: unknown): void {
  if (!(error instanceof StartProblem)) throw error;
}

type Launched = { child: ChildProcess; ready: Promise<void>; exited: Promise<string> };

function launch({ name, entry, env, log, say, onReady }: ChildOptions): Launched {
  const [command, ...args] = [...dieWithUs(), process.execPath, entry];
  const child = spawn(command!, args, {
    env,
    // A process group of its own: Ctrl-C reaches us alone, and we stop things in order.
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let lastWords = "";
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on("line", (line) => {
      log.write(line);
      const words = worthSaying(line);
      if (words === null) return;
      lastWords = words;
      say(`${name} | ${words}`);
    });
  }
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new StartProblem(`${name} did not come up within ${READY_SECONDS} s.`));
    }, READY_SECONDS * 1000);
    child.on("message", (message) => {
      if (!isReady(message)) return;
      clearTimeout(timer);
      onReady?.(message);
      resolve();
    });
    exited.then((how) => {
      clearTimeout(timer);
      reject(new StartProblem(`${name} did not start (${how}). ${lastWords}`.trimEnd()));
    });
  });
  return { child, ready, exited };
}

async function end({ child, exited }: Launched, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_SECONDS * 1000);
  await exited;
  clearTimeout(timer);
}

function isReady(message: unknown): message is Record<string, unknown> {
  return (
    typeof message === "object" && message !== null && "type" in message && message.type === "ready"
  );
}

const PINO_WARN = 40;

/** Short words for a warning or an error in the log, null for the rest; a plain line is a crash speaking. */
export function worthSaying(line: string): string | null {
  if (!line.startsWith("{")) return line.trim() === "" ? null : line;
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return line;
    throw error;
  }
  if (typeof entry !== "object" || entry === null) return line;
  const { level, msg, err } = entry as { level?: unknown; msg?: unknown; err?: unknown };
  if (typeof level !== "number" || level < PINO_WARN) return null;
  const cause =
    typeof err === "object" && err !== null && "message" in err ? String(err.message) : "";
  return [msg, cause].filter((part) => part !== undefined && part !== "").join(": ");
}

/** With util-linux's setpriv the kernel ends the child when we are killed. */
function dieWithUs(): string[] {
  try {
    accessSync("/usr/bin/setpriv", constants.X_OK);
    return ["/usr/bin/setpriv", "--pdeathsig", "TERM", "--"];
  } catch (error) {
    // Not a Linux with util-linux: the children end when their ipc channel does.
    if (error instanceof Error) return [];
    throw error;
  }
}
