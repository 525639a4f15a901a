/**
 * Starts a PostgreSQL program as the server's user. That user may be unable to reach the data
 * directory by path (a clone under /root, mode 0700), and opening every parent to everybody is not
 * ours to do. So root opens the directory itself and hands it over as descriptor 3.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { OsUser } from "./os-user.ts";

export type Program = {
  command: string;
  /** Receives the name under which the program finds the data directory. */
  args: (dataDir: string) => string[];
  dataDir: string;
  user: OsUser | null;
  onLine: (line: string) => void;
  /** With a process group of its own, and the signal it gets when this process dies. */
  background?: { diesWithParentBy: NodeJS.Signals; setpriv: string | null };
  input?: string;
};

export type Exit = { code: number | null; signal: NodeJS.Signals | null };

export async function startProgram(
  program: Program,
): Promise<{ child: ChildProcess; exited: Promise<Exit> }> {
  const { user, dataDir, background } = program;
  const byDescriptor = user !== null && process.platform === "linux";
  const handle = byDescriptor
    ? await open(dataDir, constants.O_RDONLY | constants.O_DIRECTORY)
    : null;
  try {
    const args = program.args(handle === null ? dataDir : "/proc/self/fd/3");
    const launcher = launcherFor(program.command, args, background);
    const child = spawn(launcher.command, launcher.args, {
      ...user,
      cwd: "/",
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C", ...(process.env.TZ && { TZ: process.env.TZ }) },
      detached: background !== undefined,
      stdio: [
        program.input === undefined ? "ignore" : "pipe",
        "pipe",
        "pipe",
        handle?.fd ?? "ignore",
      ],
    });
    const exited = new Promise<Exit>((resolve, reject) => {
      child.once("error", reject);
      // close, not exit: the last log lines, which say why, come before it.
      child.once("close", (code, signal) => resolve({ code, signal }));
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on("line", program.onLine);
    }
    child.stdin?.end(program.input);
    return { child, exited };
  } finally {
    await handle?.close();
  }
}

function launcherFor(command: string, args: string[], background: Program["background"]) {
  if (!background?.setpriv) return { command, args };
  const signal = background.diesWithParentBy.replace("SIG", "");
  return { command: background.setpriv, args: ["--pdeathsig", signal, "--", command, ...args] };
}
