import { createAgent } from "@quern/contract/health/agents";
import {
  changeFinding,
  evaluateRules,
  exportFinding,
  listFindings,
  listRules,
  readFinding,
} from "@quern/contract/health/findings";
import { keepFindings } from "@quern/health/advisors/keep-findings";
import type { Subject } from "@quern/health/advisors/rule";
import { readScore } from "@quern/health/advisors/scores";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import { payloadOf, send } from "./testing-agents.ts";

let api: TestApi;
let editor: Awaited<ReturnType<TestApi["as"]>>;
let database_id: string;

beforeAll(async () => {
  api = await startTestApi();
  editor = await api.as("editor");
  const admin = await api.as("admin");
  const agent = await admin.client.call(createAgent, { body: { name: "first" } });
  await send(api.address, agent, payloadOf());
  const { rows } = await sql<{ id: string; server_id: string }>`
    select id, server_id from health_databases`.execute(api.db);
  database_id = rows[0]!.id;
  const subject: Subject = {
    ...{ db: api.db, org_id: editor.actor.org_id, database_id, server_id: rows[0]!.server_id },
    ...{
      database_name: "shop",
      type: "postgres" as const,
      version_num: 180_004,
      provider: "generic",
    },
    ...{ in_recovery: false, is_main: true, now: new Date() },
  };
  const evidence = [
    { key: "wasted_bytes", value: 2 * 1024 ** 3, unit: "bytes" as const, threshold: 1024 ** 3 },
    { key: "definition", value: "select 'a|b'", unit: "sql" as const },
  ];
  const finding = {
    ...{
      object: "public.`t`",
      severity: "critical" as const,
      evidence,
      confidence: "high" as const,
    },
    ...{ window: null, statement_id: null },
    fix: { sql: 'reindex index "a```b";', words: "Build it anew.", sandbox: false },
  };
  await keepFindings(api.db, subject, { id: "index-bloat", title: "" }, [
    finding,
    { ...finding, object: "second", severity: "info", fix: null },
  ]);
  await sql`
    insert into health_rule_states (database_id, rule, state, reason, evaluated_at, due_at)
    values (${database_id}, 'index-bloat', 'finding', '{}', now(), now() + interval '1 day'),
      (${database_id}, 'table-bloat', 'no_permission', '{"reason": "may not", "hint": "grant it"}', now(), now())`.execute(
    api.db,
  );
});
afterAll(() => api.stop());

async function first() {
  const { items } = await editor.client.call(listFindings, { query: { category: "storage" } });
  return items[0]!;
}

test("findings are listed, read and exported as Markdown in which no name is markup", async () => {
  const { items } = await editor.client.call(listFindings, { query: { database_id } });
  expect(items.map(({ object, severity }) => [object, severity])).toEqual([
    ["public.`t`", "critical"],
    ["second", "info"],
  ]);
  const { id } = items[0]!;
  expect(await editor.client.call(readFinding, { params: { id } })).toMatchObject({
    ...{
      rule: "index-bloat",
      category: "storage",
      database: { name: "shop", server_name: "db1:5432" },
    },
    ...{ fix: { words: "Build it anew.", sandbox: false }, history: [] },
  });
  const headers = { authorization: `Bearer ${editor.token}` };
  const path = exportFinding.path.replace(":id", id);
  const response = await fetch(`${api.address}${path}`, { headers });
  expect(response.headers.get("content-type")).toBe("text/markdown; charset=utf-8");
  const text = await response.text();
  expect(text).toContain("- Object: `` public.`t` ``");
  expect(text).toContain("| wasted bytes | 2.0 GiB | 1.0 GiB |");
  expect(text).toContain("| definition | `select 'a\\|b'` |  |");
  expect(text).toContain('````sql\nreindex index "a```b";\n````');
});

test("snoozing and muting change the lists and the score, and are in the audit log", async () => {
  const { id } = await first();
  const change = (body: object) => editor.client.call(changeFinding, { params: { id }, body });
  const listed = async (status: "open" | "snoozed" | "muted") =>
    (await editor.client.call(listFindings, { query: { status, rule: "index-bloat" } })).items.map(
      ({ object }) => object,
    );
  const snoozed_until = new Date(Date.now() + 3_600_000).toISOString();
  expect(await change({ snoozed_until })).toMatchObject({ snoozed_until });
  expect([await listed("open"), await listed("snoozed")]).toEqual([["second"], ["public.`t`"]]);
  expect((await readScore(api.db, database_id))?.score).toBe(99);
  await change({ snoozed_until: null });
  expect((await readScore(api.db, database_id))?.score).toBe(85);
  expect(await change({ muted_reason: "is rebuilt on Sunday" })).toMatchObject({
    muted: { reason: "is rebuilt on Sunday", by: editor.actor.name },
  });
  expect([await listed("open"), await listed("muted")]).toEqual([["second"], ["public.`t`"]]);
  expect(await change({ muted_reason: null })).toMatchObject({ muted: null });
  const { rows } = await sql<{ action: string; details: { rule: string } }>`
    select action, details from audit_log where resource_type = 'finding' order by id`.execute(
    api.db,
  );
  expect(rows.map(({ action }) => action)).toEqual([
    ...["finding.snoozed", "finding.woken", "finding.muted", "finding.unmuted"],
  ]);
  expect(rows[2]?.details).toMatchObject({
    rule: "index-bloat",
    muted_reason: "is rebuilt on Sunday",
  });
  const past = await problemOf(change({ snoozed_until: new Date(0).toISOString() }));
  expect(past).toMatchObject({ code: "invalid_request", errors: [{ path: "body.snoozed_until" }] });
});

test("rules say how they stand, and all of a database are due at once when somebody asks", async () => {
  const params = { id: database_id };
  const { items } = await editor.client.call(listRules, { params });
  expect(items.find(({ rule }) => rule === "table-bloat")).toMatchObject({
    ...{ state: "no_permission", reason: "may not", hint: "grant it", findings: 0 },
  });
  expect(items.find(({ rule }) => rule === "index-bloat")).toMatchObject({ findings: 2 });
  await editor.client.call(evaluateRules, { params, body: {} });
  const { rows } = await sql<{ rules: number; due: number }>`
    select count(*) as rules, count(*) filter (where due_at <= now()) as due from health_rule_states`.execute(
    api.db,
  );
  expect(rows).toEqual([{ rules: items.length, due: items.length }]);
});

test("a viewer may see nothing of it, and what is another's is not found", async () => {
  const viewer = await api.as("viewer");
  const { id } = await first();
  const calls = [
    () => viewer.client.call(listFindings, { query: {} }),
    () => viewer.client.call(changeFinding, { params: { id }, body: {} }),
    () => viewer.client.call(evaluateRules, { params: { id: database_id }, body: {} }),
  ];
  for (const call of calls) expect((await problemOf(call())).code).toBe("not_allowed");
  const nobody = { params: { id: "00000000-0000-4000-8000-000000000000" } };
  const missing = [
    () => editor.client.call(readFinding, nobody),
    () => editor.client.call(changeFinding, { ...nobody, body: { muted_reason: "x" } }),
    () => editor.client.call(listRules, nobody),
    () => editor.client.call(evaluateRules, { ...nobody, body: {} }),
  ];
  for (const call of missing) expect((await problemOf(call())).code).toBe("not_found");
});
