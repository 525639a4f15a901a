/** Checks that README.md lists every setting as the processes define it; with --write it writes the list anew. */
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type SettingsOfProcesses, withSettingsTable } from "./settings-table.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** Apps are not imported: like the processes themselves, this reads what was built. */
async function settingsOf(app: string, name: string): Promise<SettingsOfProcesses[string]> {
  const built = await import(pathToFileURL(resolve(ROOT, `apps/${app}/dist/settings.js`)).href);
  return built[name];
}

const path = resolve(ROOT, "README.md");
const readme = await readFile(path, "utf8");
const current = withSettingsTable(readme, {
  "make up": await settingsOf("standalone", "StandaloneSettings"),
  api: await settingsOf("api", "ApiSettings"),
  runner: await settingsOf("runner", "RunnerSettings"),
  sandbox: await settingsOf("sandbox", "SandboxSettings"),
});
if (process.argv.includes("--write")) await writeFile(path, current);
else if (current !== readme) {
  console.error("The settings in README.md are not those of the code. Run make settings.");
  process.exitCode = 1;
}
