import { readdir } from "node:fs/promises";
import { Client } from "pg";
import { expect, test } from "vitest";
import { DatabaseTooNewError, migrate } from "./migrate.ts";
import { emptyDatabase } from "./testing.ts";

test("two processes at once migrate from empty, and a second time nothing happens", async () => {
  await using database = await emptyDatabase();
  const both = await Promise.all([migrate(database.url), migrate(database.url)]);
  const files = await readdir(new URL("../migrations", import.meta.url));
  expect(both.map(({ applied }) => applied.length).sort()).toEqual([0, files.length]);
  expect(await migrate(database.url)).toEqual({ applied: [] });
});

test("a database of a newer Quern is refused in words", async () => {
  await using database = await emptyDatabase();
  await migrate(database.url);
  const client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query(
    "insert into pgmigrations (name, run_on) values ('9999_from_the_future', now())",
  );
  await client.end();
  await expect(migrate(database.url)).rejects.toThrow(DatabaseTooNewError);
  await expect(migrate(database.url)).rejects.toThrow(/9999_from_the_future/);
});
