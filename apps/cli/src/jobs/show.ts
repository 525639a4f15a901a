/** A job in words: its log, its progress, why it failed, what it cost. */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { JobError } from "@quern/contract/job-error";
import type { JobStatusEvent, LogLevel, LogLine } from "@quern/contract/job-logs";
import type { Job } from "@quern/contract/jobs";
import { type Colours, printable } from "../colours.ts";
import type { Context } from "../commands/command.ts";
import { EXIT, type Exit, systemCode } from "../faults.ts";
import { duration } from "../formats/times.ts";
import type { Source } from "./asked.ts";

export const LOG_CHOICES = ["debug", "info", "warn", "error", "none"] as const;
const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Where a file of a tree is, from the folder that the command was typed in. */
export type Places = (path: string) => string;

export function placesOf(source: Source, folder: string): Places {
  if (source.kind === "project") return (path) => path;
  const root = join(folder, source.root);
  return (path) => relative(folder, join(root, path)) || path;
}

/**
 * Prints what comes of a job's log from a level on, and shows on a terminal what goes on. `\echo` and what the server says
 * (NOTICE) count from `warn` on, since psql prints them.
 */
export function showProgress(
  { terminal }: Pick<Context, "terminal">,
  level: (typeof LOG_CHOICES)[number],
  places: Places,
  total: number | null = null,
) {
  const began = Date.now();
  const { dim, red, yellow } = terminal.colours.err;
  let stage = "queued";
  let done = 0;
  let path = "";
  const draw = () => {
    const steps = done === 0 ? "" : ` ${done}${total === null ? "" : `/${total}`}`;
    terminal.progress(`${stage}${steps}${path && ` ${path}`}  ${duration(Date.now() - began)}`);
  };
  const timer = setInterval(draw, 200);
  timer.unref();
  draw();
  const paint = { debug: dim, info: dim, warn: yellow, error: red };
  return {
    log(line: LogLine) {
      if (line.path !== null) path = `${line.path}${line.line === null ? "" : `:${line.line}`}`;
      const shown =
        level === "warn"
          ? // The error of a job is told at its end, with what to do.
            line.source !== "quern" || line.level === "warn"
          : level !== "none" && LEVELS.indexOf(line.level) >= LEVELS.indexOf(level);
      if (shown) terminal.say(logWords(line, places, paint[line.level]));
    },
    status(event: JobStatusEvent) {
      if (event.stage !== stage) path = "";
      stage = event.stage;
      done = event.steps_done;
      draw();
    },
    end() {
      clearInterval(timer);
      terminal.progress(null);
    },
  };
}

/** `init/a.sql:3: message`, and nothing before what a script says itself. */
export function logWords(line: LogLine, places: Places, paint = (text: string) => text): string {
  const message = printable(line.message);
  if (line.source === "script") return message;
  if (line.path === null) return paint(message);
  // What the server said has its place in it already, as psql prints it.
  if (message.startsWith(`${line.path}:`))
    return paint(`${places(line.path)}${message.slice(line.path.length)}`);
  return paint(`${places(line.path)}${line.line === null ? "" : `:${line.line}`}: ${message}`);
}

/** The place of an error as editors know it, `file:line:column`; null when it is in no file. */
export function placeOf(
  error: JobError,
  places: Places,
): { file: string; line: number; column: number } | null {
  if (error.file === null) return null;
  const file = places(error.file);
  const { line, position } = error;
  return {
    file,
    line: line ?? 1,
    column: position === null ? 1 : columnIn(file, line ?? 1, position),
  };
}

/** The file may be gone, or that of another machine: then the column is not known. */
function columnIn(file: string, line: number, position: number): number {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return 1;
  }
  const before = text.slice(0, position);
  if (before.split("\n").length !== line) return 1;
  return position - before.lastIndexOf("\n");
}

/** Why a job failed, with what to do, in several lines. */
export function errorWords(error: JobError, places: Places, { red, bold }: Colours): string {
  const place = placeOf(error, places);
  const at = place === null ? "" : `${bold(`${place.file}:${place.line}:${place.column}`)}: `;
  const state = error.sqlstate === null ? "" : ` (${error.sqlstate})`;
  const lines = [`${at}${red("error:")} ${printable(error.message)}${state}`];
  if (error.detail !== null) lines.push(`  ${printable(error.detail)}`);
  if (error.hint !== null) lines.push(`  ${printable(error.hint)}`);
  if (error.retryable) lines.push("  Trying again may help.");
  return lines.join("\n");
}

/** An annotation of GitHub Actions: https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
export function annotation(
  message: string,
  place: { file: string; line: number; column?: number } | null,
): string {
  const data = (text: string) =>
    text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (text: string) => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const column = place?.column === undefined || place.column === 1 ? "" : `,col=${place.column}`;
  const at = place === null ? "" : ` file=${property(place.file)},line=${place.line}${column}`;
  return `::error${at}::${data(message)}`;
}

/** `full hit, 12 of 12 files from the cache, head 3 ms, 58 ms in all`. */
export function costWords({ snapshot, metrics, progress }: Job): string {
  const parts: string[] = [];
  if (snapshot !== null) {
    const { hit, prefix_depth, depth, replayed_steps } = snapshot;
    if (hit === "full")
      parts.push(`state from the cache (${depth} ${depth === 1 ? "file" : "files"})`);
    else if (hit === "prefix")
      parts.push(`${prefix_depth} of ${depth} files from the cache, ${replayed_steps} run`);
    else parts.push(`${replayed_steps} ${replayed_steps === 1 ? "file" : "files"} run`);
  }
  if (metrics?.head_ms != null) parts.push(`head ${duration(metrics.head_ms)}`);
  parts.push(`${duration(metrics?.latency_ms ?? progress.duration_ms)} in all`);
  return parts.join(", ");
}

/** How a command ends whose job has ended. */
export function exitOf({ status, error }: Pick<Job, "status" | "error">): Exit {
  if (status === "completed") return EXIT.ok;
  if (status === "canceled") return EXIT.canceled;
  return error?.code === "timeout" ? EXIT.timed_out : EXIT.failed;
}
