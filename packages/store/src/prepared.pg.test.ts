import { sql } from "kysely";
import { expect, test } from "vitest";
import { openDatabase } from "./db.ts";
import { freshDatabase } from "./testing.ts";

async function preparedTexts(db: ReturnType<typeof openDatabase>): Promise<string[]> {
  const { rows } = await sql<{ statement: string }>`
    select statement from pg_prepared_statements`.execute(db);
  return rows.map(({ statement }) => statement);
}

test("a statement is prepared from its second time on, and gives the same", async () => {
  await using database = await freshDatabase();
  const db = openDatabase(database.url, { max: 1 });
  for (const number of [1, 2, 3]) {
    const { rows } = await sql<{ n: number }>`select ${number}::int as n`.execute(db);
    expect(rows).toEqual([{ n: number }]);
    expect(await preparedTexts(db)).toEqual(number === 1 ? [] : ["select $1::int as n"]);
  }
  await db.destroy();
});

test("texts that come once fill neither the server's memory nor keep others from being prepared", async () => {
  await using database = await freshDatabase();
  const db = openDatabase(database.url, { max: 1 });
  for (let n = 0; n < 500; n++) await sql`select ${sql.lit(n)}, ${n}::int`.execute(db);
  for (let n = 0; n < 3; n++) await sql`select ${n}::int8 as again`.execute(db);
  expect(await preparedTexts(db)).toEqual(["select $1::int8 as again"]);
  await db.destroy();
});
