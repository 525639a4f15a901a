import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { Client } from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CopyValue, copyRows } from "./copy.ts";

let database: TestDatabase;
let client: Client;

beforeEach(async () => {
  database = await emptyDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query("create table t (id bigint primary key, word text, at timestamptz)");
});

afterEach(async () => {
  await client.end();
  await database.drop();
});

test("every value arrives as it was", async () => {
  const words = [
    "tab\there",
    "line\nbreak",
    "carriage\rreturn",
    "back\\slash",
    "\\N",
    "",
    "Québec 🌊",
    null,
  ];
  const at = new Date("2026-11-21T12:34:56.789Z");
  await copyRows(
    client,
    "t (id, word, at)",
    words.map((word, index): CopyValue[] => [BigInt(index), word, at]),
  );
  const { rows } = await client.query("select word, at from t order by id");
  expect(rows).toEqual(words.map((word) => ({ word, at })));
});

test("many rows pass through in chunks", async () => {
  function* many(): Generator<CopyValue[]> {
    for (let id = 0; id < 50_000; id++) yield [id, "x".repeat(40), null];
  }
  await copyRows(client, "t (id, word, at)", many());
  const { rows } = await client.query("select count(*)::int as count, sum(id)::text as sum from t");
  expect(rows).toEqual([{ count: 50_000, sum: "1249975000" }]);
});

test("the server's refusal rejects, and the connection is good for more", async () => {
  function* twice(): Generator<CopyValue[]> {
    for (let id = 0; id < 20_000; id++) yield [id % 10_000, "x".repeat(40), null];
  }
  await expect(copyRows(client, "t (id, word, at)", twice())).rejects.toThrow(/duplicate key/);
  await expect(copyRows(client, "nowhere (id)", [[1]])).rejects.toThrow(/does not exist/);
  expect((await client.query("select count(*)::int as count from t")).rows).toEqual([{ count: 0 }]);
});

test("rows that cannot be made reject with their own error, and nothing is copied", async () => {
  function* broken(): Generator<CopyValue[]> {
    yield [1, "one", null];
    throw new Error("no second row");
  }
  await expect(copyRows(client, "t (id, word, at)", broken())).rejects.toThrow("no second row");
  expect((await client.query("select count(*)::int as count from t")).rows).toEqual([{ count: 0 }]);
});
