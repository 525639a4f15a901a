import { type Log, openLog } from "@quern/runtime/log";

const LEVELS: Record<number, string> = {
  10: "TRACE",
  20: "DEBUG",
  30: "INFO",
  40: "WARN",
  50: "ERROR",
  60: "FATAL",
};

/** On standard error, since payloads and reports are what commands print; JSON lines, or lines for people. */
export function openAgentLog({ level, format }: { level: string; format: "json" | "pretty" }): Log {
  const { stderr } = process;
  stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  if (format === "json") return openLog("agent", level, stderr);
  return openLog("agent", level, { write: (line) => stderr.write(forPeople(line)) });
}

/** `10:00:00.123 WARN cannot upload  reason="…"`. */
export function forPeople(line: string): string {
  const {
    level,
    time,
    msg,
    process: _,
    pid: __,
    ...rest
  } = JSON.parse(line) as Record<string, unknown>;
  const details = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const head = `${String(time)} ${(LEVELS[Number(level)] ?? "INFO").padEnd(5)} ${String(msg ?? "")}`;
  return `${[head, ...details].join("  ")}\n`;
}
