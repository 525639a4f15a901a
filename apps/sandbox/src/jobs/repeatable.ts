import { readFile } from "node:fs/promises";
import { onlyDefines } from "../planner/definitions.ts";
import type { Chain } from "../planner/plan.ts";
import type { FileCache } from "./file-cache.ts";

/**
 * Whether the files after the state at `depth` make the same state when they are run a second time, and the same on a server that goes
 * on running as on one that was stopped and started. With something volatile anywhere in the chain, which defaults, triggers and
 * functions may call later, only files that evaluate nothing do. What superusers may set comes into force at a start.
 */
export async function isRepeatable(
  { environment, steps }: Chain,
  depth: number,
  files: Pick<FileCache, "path">,
): Promise<boolean> {
  if (environment.superuser) return false;
  if (!steps.some(({ volatile, volatile_later }) => volatile.length > 0 || volatile_later))
    return true;
  const digests = new Set(
    steps.slice(depth).flatMap((step) => step.files.map(({ digest }) => digest)),
  );
  for (const digest of digests)
    if (!onlyDefines(await readFile(files.path(digest), "utf8"))) return false;
  return true;
}
