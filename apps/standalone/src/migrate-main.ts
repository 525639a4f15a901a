/** Brings the metadata database up to this version and ends: `make migrate`, and before a deployment. */
import { readSettings } from "@quern/runtime/settings";
import { migrate } from "@quern/store/migrate";
import { openDataFolder } from "./data-folder.ts";
import { startDatabase, useDatabase } from "./database.ts";
import { inWords } from "./problem.ts";
import { StandaloneSettings } from "./settings.ts";

try {
  const { DATABASE_URL, QUERN_DATA_DIR } = readSettings(StandaloneSettings, process.env);
  const applied = DATABASE_URL
    ? await migrateServer(DATABASE_URL)
    : await migrateFolder(QUERN_DATA_DIR);
  console.log(applied.length === 0 ? "The database is up to date." : applied.join("\n"));
} catch (error) {
  console.error(inWords(error) ?? error);
  process.exitCode = 1;
}

async function migrateServer(url: string): Promise<string[]> {
  await useDatabase(url);
  return (await migrate(url)).applied;
}

async function migrateFolder(path: string): Promise<string[]> {
  const folder = await openDataFolder(path);
  try {
    const database = await startDatabase(folder, () => {}, console.error, console.error);
    try {
      return (await migrate(database.url)).applied;
    } finally {
      await database.stop();
    }
  } finally {
    await folder.lock.release();
  }
}
