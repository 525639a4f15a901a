import type { Statement } from "@quern/contract/results";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { openDatabase } from "./db.ts";
import { insertEarlyRows } from "./early-rows.ts";
import type { StoredPart } from "./manifest.ts";
import { claimRuns, finishRun, LeaseLostError, sweepLapsedLeases } from "./queue.ts";
import { listParts } from "./result-parts.ts";
import { freshDatabase } from "./testing.ts";
import { makeActor, makeDatasource, makeRun, SUCCEEDED } from "./testing-fixtures.ts";

const [ENDED] = SUCCEEDED.statements as [Statement];
const statement = (index: number, rows: number): Statement => ({
  ...ENDED,
  index,
  rows,
  command: "",
});
const part = (of: number, number: number): StoredPart => ({
  ...{ statement: of, part: number, first_row: number * 10, rows: 10, size: 1, escapes: [] },
  ...{ store: "file", location: `x/1/s${of}-p${number}.parquet` },
});

test("early rows are there under the lease only, and the end of the run replaces them", async () => {
  await using database = await freshDatabase();
  const db = openDatabase(database.url);
  const editor = await makeActor(db, "editor");
  const datasource = await makeDatasource(db, editor);
  const claim = async () => {
    await makeRun(db, editor, datasource);
    return (await claimRuns(db, "runner", 1, 60_000))[0]!;
  };
  const held = async (run: string, of: number) =>
    (await listParts(db, run, of)).map((each) => each.part);

  const run = await claim();
  await insertEarlyRows(db, run, [statement(0, 10)], [part(0, 0)]);
  await insertEarlyRows(db, run, [statement(0, 20), statement(1, 10)], [part(0, 1), part(1, 0)]);
  expect([await held(run.id, 0), await held(run.id, 1)]).toEqual([[0, 1], [0]]);
  const stranger = { ...run, lease_token: crypto.randomUUID() };
  await expect(insertEarlyRows(db, stranger, [statement(2, 10)], [part(2, 0)])).rejects.toThrow(
    LeaseLostError,
  );
  expect(await held(run.id, 2)).toEqual([]);
  await finishRun(db, run, {
    ...SUCCEEDED,
    statements: [{ ...statement(0, 30), command: "SELECT 30" }],
    parts: [part(0, 0), part(0, 1), part(0, 2)],
    had_early_rows: true,
  });
  expect([await held(run.id, 0), await held(run.id, 1)]).toEqual([[0, 1, 2], []]);
  const { rows } = await sql`
    select index, rows, command from run_statements where run_id = ${run.id}`.execute(db);
  expect(rows).toEqual([{ index: 0, rows: 30, command: "SELECT 30" }]);
  await expect(insertEarlyRows(db, run, [statement(1, 10)], [part(1, 0)])).rejects.toThrow(
    LeaseLostError,
  );

  const lost = await claim();
  await insertEarlyRows(db, lost, [statement(0, 10)], [part(0, 0)]);
  await sql`update runs set lease_until = now() - interval '1 s' where id = ${lost.id}`.execute(db);
  expect(await sweepLapsedLeases(db)).toEqual([lost.id]);
  expect(await held(lost.id, 0)).toEqual([]);
  await db.destroy();
});
