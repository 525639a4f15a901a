/**
 * An overlay: a writable folder over an immutable one. Only for cleanly stopped data directories: crash recovery would
 * open, and so copy, every file.
 */
import { execFile } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemCode } from "@quern/postmaster/postmaster-error";

const run = promisify(execFile);

/** Mounts `<place>/data` over `lower`, with what is written under `<place>/upper`. Null: done; else why not. */
export async function mountOverlay(lower: string, place: string): Promise<string | null> {
  if (/[,:\\\s]/.test(lower + place)) return "the path holds a comma, a colon or a space";
  const [data, upper, work] = ["data", "upper", "work"].map((name) => join(place, name));
  for (const folder of [place, data!, upper!, work!]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  // metacopy: a change of owner copies no contents.
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work},metacopy=on`;
  try {
    await run("mount", ["-t", "overlay", "quern", "-o", options, data!]);
    return null;
  } catch (error) {
    return failureOf(error);
  }
}

/** Detaches what is mounted at `path`; a path where nothing is mounted is fine. */
export async function unmount(path: string): Promise<void> {
  try {
    await run("umount", ["-l", path]);
  } catch (error) {
    if ((await mountsBelow(path)).length > 0) throw error;
  }
}

/** Paths at which something is mounted at or below `path`, the deepest first. */
export async function mountsBelow(path: string): Promise<string[]> {
  if (process.platform !== "linux") return [];
  const table = await readFile("/proc/self/mountinfo", "utf8");
  return table
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((point) =>
      point.replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter((point) => point === path || point.startsWith(`${path}/`))
    .sort((a, b) => b.length - a.length);
}

function failureOf(error: unknown): string {
  if (error instanceof Error && "stderr" in error && typeof error.stderr === "string") {
    return error.stderr.trim().split("\n")[0] || error.message;
  }
  if (systemCode(error) === "ENOENT") return "there is no mount program";
  throw error;
}
