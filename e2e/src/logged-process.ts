/** One process of the product alone, as an operator starts it, with all that it logs. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

type LogLine = Record<string, unknown> & { msg: string };

export type LoggedProcess = {
  pid: number;
  /** All that it wrote to standard output and error. */
  output(): string;
  lines(): LogLine[];
  /** The first line with this message, once it is there. Throws when it does not come, or the process ends first. */
  line(message: string): Promise<LogLine>;
  /** Resolves with its exit code. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<number | null>;
};

const PATIENCE_MS = 30_000;

export function startLogged(
  entry: "api" | "runner" | "sandbox",
  environment: Record<string, string>,
): LoggedProcess {
  const main = fileURLToPath(new URL(`../../apps/${entry}/dist/main.js`, import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const lines = () => {
    const whole = output.slice(0, output.lastIndexOf("\n") + 1).split("\n");
    return whole.filter((line) => line.startsWith("{")).map((line): LogLine => JSON.parse(line));
  };
  return {
    pid: child.pid!,
    output: () => output,
    lines,
    async line(message) {
      const deadline = Date.now() + PATIENCE_MS;
      for (;;) {
        const found = lines().find(({ msg }) => msg === message);
        if (found) return found;
        if (ended() || Date.now() > deadline)
          throw new Error(`the ${entry} did not say "${message}":\n${output}`);
        await delay(20);
      }
    },
    async stop(signal = "SIGTERM") {
      if (ended()) return child.exitCode;
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
      return child.exitCode;
    },
  };
}
