import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLog } from "@quern/runtime/log";
import { openDatabase } from "@quern/store/db";
import { claimRuns, finishRun } from "@quern/store/queue";
import { freshDatabase } from "@quern/store/testing";
import { makeActor, makeDatasource, makeRun, SUCCEEDED } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { deleteExpiredResults, deleteOrphanedParts } from "./retention.ts";

test("files go with their results, and those of nobody go after an hour", async () => {
  await using database = await freshDatabase();
  const db = openDatabase(database.url);
  const directory = await mkdtemp(join(tmpdir(), "quern-retention-"));
  const shop = {
    db,
    log: openLog("test", "fatal"),
    partStore: { kind: "file" as const, directory },
  };
  const editor = await makeActor(db, "editor");
  const datasource = await makeDatasource(db, editor);
  const keep = async (run: string) => {
    await mkdir(join(directory, run, "1"), { recursive: true });
    await writeFile(join(directory, run, "1", "s0-p0.parquet"), "x");
  };
  const makeLarge = async () => {
    const id = await makeRun(db, editor, datasource);
    const [claim] = await claimRuns(db, "runner", 1, 60_000);
    const location = `${id}/1/s0-p0.parquet`;
    const part = { statement: 0, part: 0, first_row: 0, rows: 1, size: 1, escapes: [] };
    await finishRun(db, claim!, { ...SUCCEEDED, parts: [{ ...part, store: "file", location }] });
    await keep(id);
    return id;
  };
  const [old, young] = [await makeLarge(), await makeLarge()];
  const [orphan, fresh] = [
    "11111111-0000-4000-8000-000000000000",
    "22222222-0000-4000-8000-000000000000",
  ];
  await Promise.all([keep(orphan), keep(fresh), writeFile(join(directory, "notes.txt"), "mine")]);
  const hoursAgo = new Date(Date.now() - 3 * 60 * 60 * 1000);
  for (const run of [young, orphan]) await utimes(join(directory, run), hoursAgo, hoursAgo);

  await sql`update runs set result_expires_at = now() where id = ${old}`.execute(db);
  await deleteExpiredResults(shop);
  expect((await readdir(directory)).sort()).toEqual([young, orphan, fresh, "notes.txt"].sort());
  await deleteOrphanedParts(shop);
  expect((await readdir(directory)).sort()).toEqual([young, fresh, "notes.txt"].sort());

  await db.destroy();
  await rm(directory, { recursive: true });
});
