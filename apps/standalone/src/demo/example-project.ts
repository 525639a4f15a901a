/**
 * The example project: the files of examples/projects/outages, made a project of as soon as there are an admin and a sandbox, with
 * one head of it run. Deleted, it stays deleted.
 */
import { readdir, readFile } from "node:fs/promises";
import { createJob } from "@quern/contract/jobs";
import type { TreeInput } from "@quern/contract/project-tree";
import type { Database } from "@quern/store/db";
import { demoProjectLoaded, makeDemoProject } from "@quern/store/demo";
import { countSandboxes } from "@quern/store/sandboxes";
import { actAs, awaitAdmin } from "./first-admin.ts";

/** Beside the rooms, so that built and unbuilt code find the same files. */
const OUTAGES = new URL("../../../../examples/projects/outages/", import.meta.url);
/** The head that is run, so that the project opens with rows and a chain. */
export const EXAMPLE_HEAD = "bench/010_worst_days.sql";

/** The files of `folder` by their paths in it, but for those that only tools read. */
export async function readExampleProject(folder: URL = OUTAGES): Promise<TreeInput> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map(({ parentPath, name }) => `${parentPath}/${name}`.replaceAll("//", "/"));
  const root = decodeURIComponent(folder.pathname);
  return Object.fromEntries(
    await Promise.all(
      files
        .sort()
        .map(async (file) => [file.slice(root.length), { content: await readFile(file, "utf8") }]),
    ),
  );
}

/**
 * Waits until there are an admin and a sandbox, makes the project and runs a head of it, unless that was done before. Ends early
 * when `signal` aborts. Throws what the API answers when it refuses.
 */
export async function loadExampleProject(
  db: Database,
  apiUrl: string,
  signal: AbortSignal,
  pause_ms = 1000,
): Promise<void> {
  if (await demoProjectLoaded(db)) return;
  const hasSandbox = async () => (await countSandboxes(db)) > 0;
  const admin = await awaitAdmin(db, signal, pause_ms, hasSandbox);
  if (!admin) return;
  const project_id = await makeDemoProject(db, admin, {
    name: "Power outages",
    description: "The example that comes with Quern: a schema, rows, tests and benchmarks.",
    tree: await readExampleProject(),
  });
  if (project_id === undefined) return;
  await actAs(db, admin, apiUrl, signal, async (api) => {
    await api.call(createJob, { body: { project_id, head_path: EXAMPLE_HEAD }, signal });
  });
}
