import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { advice, notEnough, say } from "./advisors/finding.ts";
import { allRules } from "./advisors/registry.ts";
import { deleteOldAdvice } from "./advisors/retention.ts";
import { readScore } from "./advisors/scores.ts";
import { changeFinding, listFindings, listRuleResults, readFinding } from "./findings.ts";
import { evaluating, minutes, rowsOf, thing, toldRule } from "./testing-rules.ts";
import { NOW, openSites, type Sites } from "./testing-site.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

test("severities, muting and critical events: what is remembered of a finding", async () => {
  const { rule, finds } = toldRule("told");
  const { site, evaluate } = await evaluating(sites, rule);
  const org_id = site.subject().org_id;
  const events = async () => {
    const { rows } = await sql<{ subject: string; severity: string }>`
      select subject, details ->> 'severity' as severity from health_events
      where database_id = ${site.database_id} and type = 'finding' order by at`.execute(sites.db);
    return rows;
  };
  const list = (status: "open" | "muted" | "resolved" | "all") =>
    listFindings(
      sites.db,
      org_id,
      { status, database_id: site.database_id },
      { limit: 50 },
      minutes(15),
    );
  finds(thing("a"));
  await evaluate(minutes(0));
  finds(thing("a", "critical"));
  await evaluate(minutes(2));
  await evaluate(minutes(4));
  expect(await events()).toEqual([{ subject: "a", severity: "critical" }]);
  const [finding] = (await list("open")).items;
  expect(finding).toMatchObject({
    ...{ severity: "critical", title: "told", history: [{ severity: "warning" }] },
    first_seen_at: NOW.toISOString(),
    last_seen_at: minutes(4).toISOString(),
  });
  await changeFinding(sites.db, { org_id, user_id: null }, finding!.id, { muted_reason: "known" });
  finds();
  for (const at of [6, 8, 10]) await evaluate(minutes(at));
  finds(thing("a", "critical"), thing("b", "critical"));
  await evaluate(minutes(12));
  expect((await list("open")).items.map(({ object }) => object)).toEqual(["b"]);
  const [muted] = (await list("muted")).items;
  expect(muted).toMatchObject({ object: "a", muted: { reason: "known" } });
  expect(muted!.history.map(({ severity }) => severity)).toEqual(["critical", "warning"]);
  expect(await events()).toHaveLength(2);
  expect((await readScore(sites.db, site.database_id))?.categories).toContainEqual(
    expect.objectContaining({
      category: "locks",
      score: 60,
      lost: [{ rule: "told", finding_id: expect.any(String), points: 40 }],
    }),
  );
  expect(
    await readFinding(sites.db, "00000000-0000-4000-8000-000000000000", muted!.id),
  ).toBeUndefined();
});

test("lists are by gravity and age, in pages, of one's own organisation", async () => {
  const { rule, finds } = toldRule("told");
  const { site, evaluate } = await evaluating(sites, rule);
  const org_id = site.subject().org_id;
  finds(thing("i", "info"), thing("w1"), thing("w2"), thing("c", "critical"), thing(""));
  await evaluate(minutes(0));
  const filter = { database_id: site.database_id };
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listFindings(sites.db, org_id, filter, { limit: 2, cursor });
    seen.push(...page.items.map(({ severity }) => severity));
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  expect(seen).toEqual(["critical", "warning", "warning", "warning", "info"]);
  const named = await listFindings(
    sites.db,
    org_id,
    { ...filter, object: "", severity: "warning" },
    { limit: 9 },
  );
  expect(named.items).toHaveLength(1);
  const other = await listFindings(
    sites.db,
    "00000000-0000-4000-8000-000000000000",
    {},
    { limit: 9 },
  );
  expect(other.items).toEqual([]);
  const rules = await listRuleResults(sites.db, org_id, site.database_id);
  expect(rules?.length).toBe((await allRules()).size);
  expect(rules?.[0]).toMatchObject({ state: "not_enough_data", evaluated_at: null });
});

test("a search has all its words in the rule, the object or the names; a snooze says by whom it was", async () => {
  const { rule, finds } = toldRule("told", { title: "Rows pile up" });
  const { site, evaluate } = await evaluating(sites, rule);
  const org_id = site.subject().org_id;
  finds(thing("public.carts"), thing("public.orders"));
  await evaluate(minutes(0));
  const found = async (filter: Parameters<typeof listFindings>[2]) => {
    const { items } = await listFindings(
      sites.db,
      org_id,
      { database_id: site.database_id, ...filter },
      { limit: 9 },
      minutes(1),
    );
    return items.map(({ object }) => object).sort();
  };
  expect(await found({ search: "TOLD carts" })).toEqual(["public.carts"]);
  expect(await found({ search: `${site.subject().database_name} public` })).toHaveLength(2);
  expect(await found({ search: "carts orders" })).toEqual([]);
  expect(await found({ search: "_ublic" })).toEqual([]);
  expect(await found({ statement_id: "1" })).toEqual([]);
  const { items } = await listFindings(sites.db, org_id, {}, { limit: 1 }, minutes(1));
  const finding = items[0]!;
  await changeFinding(sites.db, { org_id, user_id: null }, finding.id, {
    snoozed_until: minutes(60).toISOString(),
  });
  await sql`
    insert into audit_log (org_id, at, user_id, action, resource_type, resource_id)
    values (${org_id}, ${minutes(2)}, null, 'finding.snoozed', 'finding', ${finding.id})`.execute(
    sites.db,
  );
  const snoozed = await readFinding(sites.db, org_id, finding.id, minutes(3));
  expect(snoozed?.snoozed).toEqual({ at: minutes(2).toISOString(), by: null });
  expect((await readFinding(sites.db, org_id, finding.id, minutes(61)))?.snoozed).toBeNull();
});

test("what has values in it comes with the text that they were put into", async () => {
  const { rule, finds, told } = toldRule("told");
  const { site, evaluate } = await evaluating(sites, rule);
  const org_id = site.subject().org_id;
  const message = say("Drop {name}: it has {n} rows.", { name: "{n}", n: 3 });
  finds({ ...thing("a"), fix: advice(message) }, { ...thing("b"), fix: advice("Drop it.") });
  await evaluate(minutes(0));
  const { items } = await listFindings(
    sites.db,
    org_id,
    { database_id: site.database_id },
    { limit: 9 },
  );
  const fixes = new Map(items.map(({ object, fix }) => [object, fix]));
  expect(fixes.get("a")).toMatchObject({ words: "Drop {n}: it has 3 rows.", message });
  expect(fixes.get("b")).toMatchObject({ words: "Drop it.", message: null });
  told.judgement = notEnough(say("{n} of {of} days.", { n: 1, of: 2 }));
  await evaluate(minutes(2));
  const { rows } = await sql<{ reason: unknown }>`
    select reason from health_rule_states where database_id = ${site.database_id} and rule = 'told'`.execute(
    sites.db,
  );
  expect(rows[0]?.reason).toMatchObject({
    reason: "1 of 2 days.",
    message: { text: "{n} of {of} days.", values: { n: 1, of: 2 } },
  });
});

test("what was resolved two years ago is forgotten, unless it is muted", async () => {
  const { rule, finds } = toldRule("told");
  const { site, evaluate } = await evaluating(sites, rule);
  finds(thing("a"), thing("muted"));
  await evaluate(minutes(0));
  await sql`
    update health_findings set muted_at = now(), muted_reason = 'known'
    where database_id = ${site.database_id} and object = 'muted'`.execute(sites.db);
  finds();
  for (const at of [2, 4, 6]) await evaluate(minutes(at));
  await deleteOldAdvice(sites.db, minutes(2 * 365 * 24 * 60));
  expect(await rowsOf(site)).toHaveLength(2);
  await deleteOldAdvice(sites.db, minutes(3 * 365 * 24 * 60));
  expect((await rowsOf(site)).map(({ object }) => object)).toEqual(["muted"]);
});
