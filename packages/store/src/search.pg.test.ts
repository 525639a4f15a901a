import { randomUUID } from "node:crypto";
import type { SearchHit } from "@quern/contract/library";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { type Database, openDatabase } from "./db.ts";
import { addFavorite, listFavorites } from "./favorites.ts";
import { setGrants } from "./grants.ts";
import { createGroup } from "./groups.ts";
import { placeItems } from "./placement.ts";
import { createQuery } from "./queries.ts";
import { indexSchemaNames } from "./schema-names.ts";
import { search } from "./search.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor, makeDatasource } from "./testing-fixtures.ts";
import { createVisualization } from "./visualizations.ts";

let database: TestDatabase;
let db: Database;
let admin: Actor;
let editor: Actor;
let viewer: Actor;
let datasource: string;

beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url);
  [admin, editor, viewer] = await Promise.all([
    makeActor(db, "admin"),
    makeActor(db, "editor"),
    makeActor(db, "viewer"),
  ]);
  datasource = await makeDatasource(db, admin, { everyone: true });
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

function save(
  name: string,
  change: Partial<{ sql: string; description: string; on: string }> = {},
) {
  return createQuery(db, editor, {
    name,
    description: change.description ?? "",
    datasource_id: change.on ?? datasource,
    sql: change.sql ?? "select 1",
    params: [],
    limits: {},
    result_ttl_s: null,
  });
}
const names = (hits: readonly SearchHit[]) => hits.map(({ name }) => name);
const find = (q: string, actor = viewer) => search(db, actor, { q, limit: 20 });

test("the name's beginning comes before its words, those before its inside, that before SQL, and misspellings last", async () => {
  const sqlHit = await save("A report", { sql: "select wombat from zoo" });
  await save("Superwombat");
  await save("Count of wombats");
  await save("Wombats by month");
  const hits = await find("wombat");
  expect(names(hits)).toEqual(["Wombats by month", "Count of wombats", "Superwombat", "A report"]);
  expect(hits.at(-1)).toMatchObject({ id: sqlHit, hit: { field: "sql" } });
  expect(hits.at(-1)!.hit.text).toContain("wombat from zoo");
  expect(names(await find("month wombats"))[0]).toBe("Wombats by month");
  expect(names(await find("wombtas"))).toContain("Wombats by month");
  expect(names(await find("wo"))).toContain("Wombats by month");
  await placeItems(db, editor, [{ type: "query", id: sqlHit }], { add_tags: ["marsupial"] });
  expect((await find("marsup"))[0]).toMatchObject({ id: sqlHit, hit: { field: "tag" } });
});

test("tables and columns of read schemas are found, by their own name and through their table's", async () => {
  const snapshot = {
    schemas: [
      {
        name: "sales",
        relations: [
          {
            name: "invoices",
            kind: "table",
            columns: [{ name: "gross_total" }, { name: "paid_at" }],
          },
          { name: "customers", kind: "table", columns: [{ name: "id" }] },
        ],
      },
    ],
  };
  await sql`
    insert into datasource_schemas (datasource_id, snapshot, run_id)
    values (${datasource}, ${JSON.stringify(snapshot)}, ${randomUUID()})`.execute(db);
  await indexSchemaNames(db, datasource);
  expect((await find("invoi"))[0]).toMatchObject({
    type: "table",
    id: datasource,
    path: { schema: "sales", table: "invoices" },
  });
  expect(names(await find("sales.cust"))).toEqual(["customers"]);
  for (const q of ["gross", "invoices gross", "invoices.gross_t", "total"])
    expect((await find(q))[0], q).toMatchObject({ type: "column", name: "gross_total" });
});

test("odd characters are looked for as they stand", async () => {
  const odd = `100%_of\\all 'it' "so" <img onerror=x> ; -- {}[]^$.*+?|() \u202Eright العربية`;
  const id = await save(odd);
  for (const q of [
    "100%_of\\all",
    "'it'",
    '"so"',
    "<img onerror=x>",
    "العربية",
    "{}[]^$.*+?|()",
    odd,
  ])
    expect(
      (await find(q)).map((hit) => hit.id),
      q,
    ).toContain(id);
  // Nearly the name is all that it is.
  expect((await find("100__of")).find((hit) => hit.id === id)?.score ?? 0).toBeLessThan(30);
  const punctuation = "%_\\'\"^$.*+?()[]{}|-;:,<>/!@#&~`".repeat(7).slice(0, 200);
  expect(await find(punctuation)).toEqual([]);
  expect(await find("   ")).toEqual([]);
  await fc.assert(
    fc.asyncProperty(
      fc
        .string({ unit: "grapheme", maxLength: 60 })
        .filter((q) => !q.includes("\0") && q.isWellFormed()),
      async (q) => {
        await find(q);
      },
    ),
    { numRuns: 60 },
  );
});

test("nobody finds what they may not see, whatever is granted", async () => {
  const closed = await Promise.all([1, 2, 3].map(() => makeDatasource(db, admin)));
  const group = await createGroup(db, admin.org_id, {
    name: "found",
    member_ids: [viewer.user_id],
  });
  const owned = new Map<string, string>();
  for (const on of closed) {
    const query = await createQuery(db, admin, {
      name: "Secret zebra",
      description: "",
      datasource_id: on,
      sql: "select 'zebra'",
      params: [],
      limits: {},
      result_ttl_s: null,
    });
    const chart = await createVisualization(db, admin, {
      query_id: query,
      name: "zebra chart",
      config: { type: "table" } as never,
    });
    await sql`
      insert into schema_names (datasource_id, schema_name, relation_name, kind, columns)
      values (${on}, 'public', 'zebra', 'table', 'zebra_id')`.execute(db);
    await addFavorite(db, viewer, { type: "query", id: query });
    for (const id of [query, chart, on]) owned.set(id, on);
  }
  await fc.assert(
    fc.asyncProperty(
      fc.subarray(closed),
      fc.constantFrom(viewer, editor),
      async (granted, actor) => {
        for (const on of closed) {
          const to = granted.includes(on) ? [group] : [];
          await setGrants(db, admin, { type: "datasource", id: on }, to);
        }
        const may = new Set(actor === viewer ? granted : []);
        for (const q of ["zebra", "zebar", "secret", "zebra_id"]) {
          const hits = await search(db, actor, { q, limit: 100 });
          for (const { id, type } of hits.filter((hit) => owned.has(hit.id)))
            expect(may.has(owned.get(id)!), `${type} ${q}`).toBe(true);
          const queries = hits.filter(({ id, type }) => type === "query" && owned.has(id));
          if (q === "zebra") expect(queries).toHaveLength(may.size);
        }
        if (actor === viewer) {
          const starred = (await listFavorites(db, viewer)).filter(({ id }) => owned.has(id));
          expect(starred).toHaveLength(may.size);
        }
      },
    ),
    { numRuns: 12 },
  );
  expect((await search(db, admin, { q: "zebra", type: "query", limit: 100 })).length).toBe(3);
});
