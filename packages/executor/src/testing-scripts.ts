/** For tests only: scripts as files on disk, run over the Unix socket of the test run's server. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { testTarget } from "@quern/connectors/testing/target";
import { testServer } from "@quern/store/testing";
import type { ExecutionEvents } from "./executor-process.ts";
import type { ScriptRequest } from "./messages.ts";
import type { Executors } from "./pool.ts";
import { LIMITS } from "./testing.ts";

export type Tree = Record<string, string | Uint8Array>;

const folders: string[] = [];

/** Removes what the scripts of this test file were written to. */
export function removeTrees(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
}

/** Writes the files into a folder of their own. The first is where the script begins. */
function writeTree(tree: Tree): Pick<ScriptRequest, "files" | "entry" | "directory"> {
  const folder = mkdtempSync(join(tmpdir(), "quern-script-"));
  folders.push(folder);
  const files: Record<string, string> = {};
  for (const [path, content] of Object.entries(tree)) {
    const file = join(folder, "tree", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    files[path] = file;
  }
  return { files, entry: Object.keys(tree)[0] ?? "", directory: join(folder, "parts") };
}

export function scriptRequest(
  database: string,
  tree: Tree,
  over: Partial<ScriptRequest> = {},
): ScriptRequest {
  return {
    run_id: "test",
    kind: "script",
    target: testTarget(database, { host: testServer().socketDir }),
    limits: LIMITS,
    variables: {},
    session: {},
    rows: "result",
    ...writeTree(tree),
    ...over,
  };
}

export function startScript(
  executors: Executors,
  database: string,
  tree: Tree,
  over: Partial<ScriptRequest> = {},
  events: ExecutionEvents = {},
) {
  return executors.execute(scriptRequest(database, tree, over), events);
}
