/** Starts an executor process under its limits. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { offerToOomKiller } from "./memory.ts";

export type LaunchOptions = {
  /** Of resident memory: JavaScript, buffers and DuckDB together. */
  memory_limit_bytes: number;
};

/** From `src` (tests) and from `dist` alike: a process can only run what is built. */
const CHILD = fileURLToPath(new URL("../dist/child.js", import.meta.url));
const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));
/** Private memory that Node and its threads reserve and do not use: it counts for RLIMIT_DATA, not for RSS. */
const RESERVED_MB = 192;
/** RLIMIT_DATA, not RLIMIT_AS: WebAssembly reserves more address space than any sensible limit. */
const LIMIT = 'ulimit -d "$1"; shift; exec "$@"';

export function launch(options: LaunchOptions): ChildProcess {
  const megabytes = Math.floor(options.memory_limit_bytes / 1024 ** 2);
  const node = [
    process.execPath,
    `--max-old-space-size=${Math.max(64, Math.floor(megabytes / 3))}`,
    "--max-semi-space-size=8",
    CHILD,
  ];
  // Dies with the supervisor even when that is killed; elsewhere `disconnect` does it.
  const command = SETPRIV === undefined ? node : [SETPRIV, "--pdeathsig", "KILL", ...node];
  const limited =
    process.platform === "linux"
      ? ["/bin/sh", "-c", LIMIT, "sh", String((megabytes + RESERVED_MB) * 1024), ...command]
      : command;
  const [file = process.execPath, ...args] = limited;
  const child = spawn(file, args, {
    env: {},
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    serialization: "advanced",
  });
  if (child.pid !== undefined) void offerToOomKiller(child.pid);
  return child;
}
