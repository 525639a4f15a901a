/**
 * From a database that an agent reads to the answer of a fix that was tried on a sandbox: the schema made again is the
 * schema, and costs are those of the database itself.
 */
import type { DatabaseRow } from "@quern/health/read-databases";
import { FUNCTIONS } from "@quern/health/trial/functions";
import { jsonLiteral } from "@quern/health/trial/json-literal";
import { schemaDdl } from "@quern/health/trial/schema-ddl";
import { startTestSandbox, type TestSandbox } from "@quern/sandbox/testing-sandbox";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { comparable, SCHEMA } from "./trial-schema.ts";
import {
  type Asked,
  dropSite,
  findingOf,
  makeSite,
  monitored,
  OFFERED,
  payloadOf,
  type Site,
  tryFix,
} from "./trial-site.ts";

let sandbox: TestSandbox;
const sites: Site[] = [];
/** The shop's own database, and as Health knows it. */
let shop: Site;
let row: DatabaseRow;

async function site(statements: string): Promise<Site> {
  const made = await makeSite(statements);
  sites.push(made);
  return made;
}

beforeAll(async () => {
  [sandbox, shop] = await Promise.all([startTestSandbox(), site(SHOP)]);
  await shop.client.query("vacuum analyze");
  await shop.client.query("create view shown as select * from orders");
  row = await monitored(sandbox, shop, ASKED, { work_mem: "1", enable_nothing: "on" });
});
afterAll(async () => {
  await sandbox.stop();
  for (const each of sites) await dropSite(each);
});

test("a schema that was sent is made again, with all its odd names; what cannot be is said", async () => {
  const origin = await site(SCHEMA);
  const { schema, sequences = [] } = await payloadOf(origin);
  const made = schemaDdl(schema!, sequences, OFFERED);
  const copy = await site(FUNCTIONS);
  await copy.client.query(`call quern_trial.make(${jsonLiteral(made.items)})`);
  const { rows: refused } = await copy.client.query("select * from quern_trial.gaps order by 1, 2");
  expect(refused).toEqual([
    ...[`"we.ird"."Do main"`, "public.mood"].map((object) => ({
      ...{ kind: "type", object, how: "replaced", reason: "type_unknown", detail: "text" },
    })),
  ]);
  expect(made.gaps.map(({ kind, object, reason, count }) => [kind, object, reason, count])).toEqual(
    expect.arrayContaining([
      ["index", "public.orders_open", "literals", 1],
      ["view", "public.seen", "not_sent", 1],
      ["view", "", "not_sent", 1],
      ["partition", "", "bounds_unknown", 3],
      ["constraint", "public.orders.orders_int4range_excl", "not_sent", 1],
    ]),
  );
  const again = (await payloadOf(copy)).schema!;
  const [before, after] = [comparable(schema!), comparable(again)];
  const lost = (text: string | null) => text !== null && /\$\d/.test(text);
  // Defaults whose literals were not sent are not there; those of sequences are.
  const sent = before.tables.map((table) => ({
    ...table,
    columns: table.columns.map((column) =>
      lost(column.text) && !/^nextval/.test(column.text ?? "")
        ? { ...column, text: null, generated: "" }
        : column,
    ),
  }));
  expect(after.tables).toEqual(sent);
  const ofParts = ({ table }: { table: string }) => table.startsWith("parts");
  const whole = ({
    key,
    keys = [],
    predicate,
    table,
    constraint,
  }: (typeof before.indexes)[number]) =>
    ![...keys.map(({ expression }) => expression?.text ?? null), predicate?.text ?? null].some(
      lost,
    ) &&
    !ofParts({ table }) &&
    (constraint ?? null) === null &&
    !/_excl$/.test(key);
  const names = (all: typeof before.indexes) => all.filter(whole).map(({ key }) => key);
  expect(names(after.indexes)).toEqual(names(before.indexes));
  const texts = (all: typeof before.indexes) =>
    all.filter(whole).map(({ keys, include, predicate, fillfactor, access_method }) => ({
      ...{ include, fillfactor, access_method, predicate: predicate?.text },
      keys: keys?.map(({ expression, ...key }) => ({ ...key, text: expression?.text })),
    }));
  expect(texts(after.indexes)).toEqual(texts(before.indexes));
  const kept = (all: typeof before.constraints) =>
    all.filter(
      ({ type, definition, inherited }) => !lost(definition) && type !== "x" && !inherited,
    );
  expect(kept(after.constraints)).toEqual(kept(before.constraints));
});

const ODD_NAME = `we.ird "t" 'q' $$ \\\n`;
const odd = `"${ODD_NAME.replaceAll('"', '""')}"`;

const SHOP = `
create table customers (id integer primary key, city text not null);
insert into customers select g, 'city ' || g % 50 from generate_series(1, 5000) as g;
create table orders (id bigint primary key, customer_id integer not null references customers on delete cascade,
  state text, at timestamptz not null, note text);
insert into orders select g, 1 + (g * 7919) % 5000, case when g % 3 = 0 then 'open' end, now() - g * interval '1 minute', repeat('n', 60)
  from generate_series(1, 120000) as g;
create index orders_at on orders (at);
create table visits (day date not null, customer_id integer not null, page text) partition by range (day);
create table visits_1 partition of visits for values from ('2026-01-01') to ('2026-01-15');
create table visits_2 partition of visits for values from ('2026-01-15') to ('2026-02-01');
insert into visits select date '2026-01-01' + g % 30, g % 5000, repeat('p', 20 + g % 50) from generate_series(1, 30000) as g;
create index on visits (customer_id);
create table ${odd} (id integer primary key, "a;b--" text, "select" timestamptz[]);
insert into ${odd} select g, E'it''s \\\\ ' || g % 20, array[now()] from generate_series(1, 300) as g;
`;

const asks = (text: string): Asked => ({
  text,
  tables: ["orders", "customers", "visits", "shown"].filter((name) => text.includes(name)),
});
const BY_KEY = asks("select * from orders where customer_id = $1");
const PLANNED = [
  BY_KEY,
  asks(
    "select c.city, count(*) from orders o join customers c on c.id = o.customer_id where c.city = $1 group by c.city",
  ),
  asks("select id from orders where at > $1 order by at limit $2"),
  asks("update orders set note = $1 where id = $2"),
  asks(
    "select o.id, v.page from orders o join visits v on v.customer_id = o.customer_id where v.day = $1 and o.id = $2",
  ),
  asks(
    "select v.* from visits v join orders o on o.customer_id = v.customer_id where v.day between $1 and $2",
  ),
];
const OF_VIEW = asks(
  "select s.* from shown s join orders o on o.id = s.id where s.customer_id = $1",
);
const OF_ODD: Asked = {
  text: `select o.id, t.id from orders o join ${odd} t on t.id = o.id where t."a;b--" = $1`,
  tables: ["orders", `public.${ODD_NAME}`],
};
const SLOW = asks(
  "select count(*) from orders a, orders b, orders c, orders d where a.customer_id = $1 and b.note || c.note || d.note <> a.note",
);
const ASKED = [...PLANNED, OF_VIEW, OF_ODD, SLOW];
const FIX = "create index concurrently on public.orders (customer_id);";

type Plan = { "Total Cost": number; "Node Type": string; Plans?: Plan[] };

async function costs({ client }: Site): Promise<number[]> {
  const found: number[] = [];
  for (const { text } of PLANNED) {
    const { rows } = await client.query(`explain (generic_plan, format json) ${text}`);
    found.push((rows[0]["QUERY PLAN"] as { Plan: Plan }[])[0]!.Plan["Total Cost"]);
  }
  return found;
}

test("a sandbox without a row plans as the database does, and shows what an index would save", async () => {
  const { job, trial } = await tryFix(sandbox, row, findingOf(FIX));
  expect(job.error).toBeNull();
  expect(trial).toMatchObject({
    ...{ result: "answered", statistics: "columns", engine: { sandbox: 18, database: 18 } },
    fix: { applied: true, error: null },
  });
  const settings = trial.gaps.filter(({ kind }) => kind === "setting");
  expect(settings.map(({ object, reason }) => `${object} ${reason}`).sort()).toEqual([
    "enable_nothing refused",
    "work_mem refused",
  ]);

  const real = await costs(shop);
  await shop.client.query("create index on orders (customer_id)");
  const mended = await costs(shop);
  await shop.client.query("drop index orders_customer_id_idx");
  const byText = new Map(trial.statements.map((statement) => [statement.text, statement]));
  const close = (cost: number | null | undefined, to: number | undefined) =>
    Math.abs((cost ?? 0) - (to ?? 0)) / (to ?? 1);
  for (const [place, { text }] of PLANNED.entries()) {
    const { before, after } = byText.get(text)!;
    expect([text, before?.error, after?.error]).toEqual([text, null, null]);
    expect([text, close(before?.cost, real[place]) < 0.02]).toEqual([text, true]);
    expect([text, close(after?.cost, mended[place]) < 0.1]).toEqual([text, true]);
  }
  const own = byText.get(BY_KEY.text)!;
  expect(own.after!.cost!).toBeLessThan(own.before!.cost! / 10);
  expect(byText.get(OF_VIEW.text)!.before).toMatchObject({ cost: null, sqlstate: "42P01" });
  const key = trial.statements.find(({ source }) => source === "foreign_key");
  expect(key?.text).toContain("where customer_id = $1 for key share");
  expect(key!.after!.cost!).toBeLessThan(key!.before!.cost! / 10);

  const again = await tryFix(sandbox, row, findingOf(FIX));
  expect(again.job.snapshot).toMatchObject({ hit: "full", replayed_steps: 0 });
});

test("a fix that cannot be applied is said, and the plans as they are stand", async () => {
  const fix = "alter table public.orders add check (nobody'); drop table public.orders; --";
  const { job, trial } = await tryFix(sandbox, row, { ...findingOf(fix), rule: "any" });
  expect(job.error).toBeNull();
  expect(trial.fix).toMatchObject({
    applied: false,
    error: expect.stringContaining("unterminated"),
  });
  expect(trial.statements[0]!.before!.cost).toBe(trial.statements[0]!.after!.cost);
});

const SAMPLE = 2_000;

test("on a sample of rows statements are timed, with values of its rows; one that is slow ends alone", async () => {
  await shop.client.query(
    "update customers set city = E'tab\\t back\\\\ line\\n \\\\N' where id % 7 = 0",
  );
  const sample = { of: shop, rows: SAMPLE, bound_s: 1 };
  const { prepared, job, trial } = await tryFix(sandbox, row, findingOf(FIX), sample);
  const quoted = `public.${odd}`;
  expect(prepared.sampled.map(({ table }) => table).sort()).toEqual(
    ["public.customers", "public.orders", "public.visits", quoted].sort(),
  );
  expect(job.error).toBeNull();
  expect(trial.fix).toMatchObject({ applied: true, error: null });
  const refused = trial.gaps.filter(
    ({ reason, kind }) => reason === "refused" && kind !== "setting",
  );
  expect(refused).toEqual([]);
  expect(trial.gaps).toContainEqual(
    expect.objectContaining({ kind: "constraint", reason: "sampled", detail: "not valid" }),
  );
  const byText = new Map(trial.statements.map((statement) => [statement.text, statement]));
  const root = (plan: unknown) => JSON.stringify(plan);
  for (const { text } of [BY_KEY, PLANNED[1]!, PLANNED[4]!, PLANNED[5]!, OF_ODD]) {
    const { before, after, reads } = byText.get(text)!;
    for (const side of [before, after]) {
      expect([text, side?.untimed, side?.untimed_detail]).toEqual([text, null, null]);
      expect(side?.timing).toMatchObject({ ms: expect.any(Number), runs: expect.any(Number) });
      expect(root(side?.plan)).toContain("Actual Rows");
    }
    expect(reads.length).toBeGreaterThan(0);
  }
  const own = byText.get(BY_KEY.text)!;
  expect(root(own.before!.plan)).toContain("Seq Scan");
  expect(root(own.after!.plan)).toContain("orders_customer_id_idx");
  expect(root(own.after!.plan)).not.toMatch(/"Actual Rows": ?0\b/);
  for (const [{ text }, parameter] of [
    [PLANNED[2]!, "$2"],
    [PLANNED[3]!, "$1"],
  ] as const)
    expect(byText.get(text)!.before).toMatchObject({
      ...{ timing: null, untimed: "parameters", untimed_detail: parameter },
      plan: expect.anything(),
    });
  const slow = { timing: null, untimed: "too_long", untimed_detail: "1", plan: expect.anything() };
  expect(byText.get(SLOW.text)).toMatchObject({ before: slow, after: slow });
  expect(byText.get(OF_VIEW.text)!.before).toMatchObject({ sqlstate: "42P01", timing: null });
  const key = trial.statements.find(({ source }) => source === "foreign_key");
  expect(key!.after!.timing).not.toBeNull();
  const { rows: kept } = await sql`
    select from layers where paths && array['seed/001_rows.sql', 'init/003_row_functions.sql']`.execute(
    sandbox.db,
  );
  expect(kept).toEqual([]);
});
