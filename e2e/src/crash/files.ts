import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Paths of all files below, relative to it; none when it is not there. */
export function filesUnder(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? filesUnder(join(directory, entry.name)).map((file) => `${entry.name}/${file}`)
      : [entry.name],
  );
}
