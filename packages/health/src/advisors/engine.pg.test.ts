import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { evaluating, minutes, rowsOf, thing, toldRule } from "../testing-rules.ts";
import { ago, openSites, type Sites, serverStats } from "../testing-site.ts";
import { evaluateNext, evaluateSoon } from "./engine.ts";
import { notedBy } from "./facts.ts";
import { judged, notEnough } from "./finding.ts";
import type { Rule } from "./rule.ts";
import { readScore } from "./scores.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

test("a finding opens, stays, is resolved after three clean evaluations, and comes back as a new one", async () => {
  const { rule, finds } = toldRule("told");
  const { site, evaluate } = await evaluating(sites, rule);
  finds(thing("a"));
  expect(await evaluate(minutes(0))).toMatchObject([
    { rule: "told", state: "finding", findings: 1 },
  ]);
  expect(await evaluate(minutes(0.5))).toBeUndefined();
  await evaluate(minutes(2));
  expect(await rowsOf(site)).toMatchObject([{ object: "a", clean: 0, open: true }]);
  finds();
  await evaluate(minutes(4));
  await evaluate(minutes(6));
  expect(await rowsOf(site)).toMatchObject([{ clean: 2, open: true }]);
  finds(thing("a"));
  await evaluate(minutes(8));
  expect(await rowsOf(site)).toMatchObject([{ clean: 0, open: true }]);
  finds();
  for (const at of [10, 12, 14]) await evaluate(minutes(at));
  expect(await rowsOf(site)).toMatchObject([{ clean: 3, open: false }]);
  finds(thing("a", "info"));
  await evaluate(minutes(16));
  expect(await rowsOf(site)).toMatchObject([
    { severity: "warning", open: false },
    { severity: "info", open: true },
  ]);
});

test("what was mended is resolved within hours, however seldom its rule looks", async () => {
  const { rule, finds } = toldRule("daily", { every_s: 86_400 });
  const { site, evaluate } = await evaluating(sites, rule);
  finds(thing("a"));
  await evaluate(minutes(0));
  finds();
  for (const at of [1_440, 1_501, 1_562]) expect(await evaluate(minutes(at))).toHaveLength(1);
  expect(await rowsOf(site)).toMatchObject([{ clean: 3, open: false }]);
  expect(await evaluate(minutes(1_623))).toBeUndefined();
});

test("what a quiet rule finds begins muted, and is not muted again once somebody unmuted it", async () => {
  const { rule, finds } = toldRule("lint", { quiet: true });
  const { site, evaluate } = await evaluating(sites, rule);
  const muted = async () =>
    (
      await sql<{ muted: boolean }>`
        select muted_at is not null and muted_reason is not null as muted from health_findings
        where database_id = ${site.database_id} order by first_seen_at`.execute(sites.db)
    ).rows.map((row) => row.muted);
  finds(thing("a"));
  await evaluate(minutes(0));
  expect(await muted()).toEqual([true]);
  await sql`
    update health_findings set muted_at = null, muted_reason = null where database_id = ${site.database_id}`.execute(
    sites.db,
  );
  finds();
  for (const at of [2, 4, 6]) await evaluate(minutes(at));
  finds(thing("a"));
  await evaluate(minutes(8));
  expect(await muted()).toEqual([false, false]);
});

test("what a rule noted comes back to it, also after a time without data", async () => {
  const { rule, told } = toldRule("noting");
  const { site, evaluate } = await evaluating(sites, rule);
  told.judgement = { state: "judged", found: [], noted: { slot: "2026" } };
  await evaluate(minutes(0));
  told.judgement = notEnough("none");
  await evaluate(minutes(2));
  expect(await notedBy(site.subject(), "noting")).toEqual({ slot: "2026" });
  told.judgement = { state: "judged", found: [] };
  await evaluate(minutes(12));
  expect(await notedBy(site.subject(), "noting")).toEqual({});
});

test("a rule that throws costs itself alone, and what cannot be told leaves findings as they are", async () => {
  const [bad, good] = [toldRule("bad"), toldRule("good")];
  const { site, evaluate, failures } = await evaluating(sites, bad.rule, good.rule);
  bad.finds(thing("a"));
  good.finds(thing("b"));
  await evaluate(minutes(0));
  bad.told.judgement = new Error("of the rule");
  expect(await evaluate(minutes(2))).toMatchObject([
    { rule: "bad", state: "not_enough_data" },
    { rule: "good", state: "finding" },
  ]);
  expect(failures).toEqual([new Error("of the rule")]);
  bad.told.judgement = { state: "no_permission", reason: "may not", hint: "grant it" };
  await evaluate(minutes(8));
  expect((await rowsOf(site)).map(({ open, clean }) => [open, clean])).toEqual([
    [true, 0],
    [true, 0],
  ]);
  // What does not apply any more ends what was found.
  bad.told.judgement = { state: "not_applicable", reason: "gone", hint: null };
  for (const at of [10, 12, 14]) await evaluate(minutes(at));
  expect((await rowsOf(site)).map(({ object, open }) => [object, open])).toEqual([
    ["a", false],
    ["b", true],
  ]);
});

test("each due rule is one process's, and one that died leaves it to the others", async () => {
  const { rule, told } = toldRule("told");
  const { site, evaluate } = await evaluating(sites, rule);
  await evaluate(minutes(0));
  const byId = new Map([[rule.id, rule]]);
  await sql`update health_databases set last_taken_at = ${minutes(2)}`.execute(sites.db);
  told.asked = 0;
  const all = await Promise.all(
    Array.from({ length: 4 }, () => evaluateNext(sites.db, { now: minutes(2), rules: byId })),
  );
  expect(told.asked).toBe(1);
  expect(all.filter((each) => each !== undefined)).toHaveLength(1);

  // Taken over by another while it judged: what it found is not kept.
  const slow: Rule = {
    ...rule,
    async judge() {
      await sql`update health_rule_states set due_at = ${minutes(90)} where database_id = ${site.database_id}`.execute(
        sites.db,
      );
      return judged([thing("late")]);
    },
  };
  const now = minutes(4);
  expect(await evaluateNext(sites.db, { now, rules: new Map([["told", slow]]) })).toEqual([]);
  expect(await rowsOf(site)).toEqual([]);
  expect(await evaluate(minutes(6))).toBeUndefined();
  await evaluateSoon(sites.db, site.database_id, minutes(6));
  expect(await evaluate(minutes(6))).toHaveLength(1);
});

test("sections that failed or never came become states, with the agent's hint", async () => {
  const needs = (section: Rule["needs"][number]) =>
    toldRule(`needs-${section}`, { needs: [section] }).rule;
  const rules = [
    ...(["bloat", "indexes", "schema", "sequences", "server", "statements", "tables"] as const).map(
      needs,
    ),
    toldRule("mysql-only", { engines: ["mysql"] }).rule,
    toldRule("server-wide", { of: "server" }).rule,
  ];
  const { site, evaluate } = await evaluating(sites, ...rules);
  type Status = "ok" | "skipped" | "error";
  const collector = (
    name: string,
    status: Status,
    code: string | null,
    rows: number | null = null,
  ) => ({
    ...{ name, status, code, sqlstate: null, hint: `about ${name}`, duration_ms: 1 },
    ...{ rows, truncated: false },
  });
  await site.send({
    collectors: [
      ...[collector("bloat", "skipped", "no_permission"), collector("indexes", "error", "timeout")],
      ...[collector("statements", "skipped", "not_preloaded"), collector("server", "ok", null)],
      ...[
        collector("sequences", "skipped", "not_supported"),
        collector("tables", "error", "no_permission", 5),
      ],
    ],
    table_stats: [],
    server: serverStats(),
  });
  await evaluate(minutes(0));
  const { rows } = await sql<{ rule: string; state: string; hint: string | null }>`
    select rule, state, reason ->> 'hint' as hint from health_rule_states
    where database_id = ${site.database_id} order by rule`.execute(sites.db);
  expect(rows.map(({ rule, state, hint }) => [rule, state, hint])).toEqual([
    ["mysql-only", "not_applicable", null],
    ["needs-bloat", "no_permission", "about bloat"],
    ["needs-indexes", "not_enough_data", "about indexes"],
    ["needs-schema", "not_enough_data", null],
    ["needs-sequences", "not_applicable", "about sequences"],
    ["needs-server", "ok", null],
    ["needs-statements", "not_enough_data", "about statements"],
    ["needs-tables", "ok", null],
    ["server-wide", "ok", null],
  ]);
  expect((await readScore(sites.db, site.database_id))?.coverage).toBeCloseTo(3 / 7);
});

test("an agent that went silent makes nothing clean", async () => {
  const { rule, finds, told } = toldRule("told");
  const { site, evaluate } = await evaluating(sites, rule);
  finds(thing("a"));
  await evaluate(minutes(0));
  finds();
  await sql`update health_databases set last_taken_at = ${ago(3_600)} where id = ${site.database_id}`.execute(
    sites.db,
  );
  told.asked = 0;
  await evaluateNext(sites.db, { now: minutes(10), rules: new Map([["told", rule]]) });
  expect(told.asked).toBe(0);
  expect(await rowsOf(site)).toMatchObject([{ clean: 0, open: true }]);
});
