import { randomUUID } from "node:crypto";
import { takePayload } from "@quern/health/snapshot";
import { openLog } from "@quern/runtime/log";
import { openTracer } from "@quern/runtime/tracing";
import { openDatabase } from "@quern/store/db";
import { freshDatabase } from "@quern/store/testing";
import { makeActor } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { advise, tidyAdvice } from "./advise.ts";
import { openInstruments } from "./instruments.ts";

test("a runner finds what is wrong in what an agent sent, and counts what it did", async () => {
  await using database = await freshDatabase();
  const db = openDatabase(database.url);
  const log = openLog("test", "fatal");
  const tracer = await openTracer("test", {}, log);
  const instruments = openInstruments(db, tracer);
  const { org_id } = await makeActor(db, "admin");
  const { rows } = await sql<{ id: string }>`
    insert into health_agents (org_id, name) values (${org_id}, 'a') returning id`.execute(db);
  const timestamp = new Date().toISOString();
  const last_value = "2140000000";
  const sequences = [
    {
      ...{ schema: "public", sequence: "orders_id_seq", data_type: "integer", min_value: 1 },
      ...{ max_value: 2147483647, increment: 1, cycles: false, last_value, readable: true },
      columns: [],
    },
  ];
  const payload = {
    ...{ agent_version: "0.1.0", timestamp, instance_id: "i", snapshot_uuid: randomUUID() },
    database: {
      type: "postgres" as const,
      version: "PostgreSQL 18.4",
      provider: "generic",
      name: "shop",
    },
    sequences,
  };
  await takePayload(db, { id: rows[0]!.id, org_id }, payload, "", { wire_bytes: 1, body_bytes: 1 });
  await tidyAdvice(db);
  const { signal } = new AbortController();
  expect(await advise({ db, log, instruments }, signal)).toBe(false);
  const { rows: findings } = await sql`
    select rule, object, severity from health_findings where resolved_at is null`.execute(db);
  expect(findings).toEqual([
    { rule: "sequence-exhaustion", object: "public.orders_id_seq", severity: "critical" },
  ]);
  const text = await instruments.metrics.text();
  expect(text).toMatch(/quern_health_rule_seconds_count\{[^}]*state="finding"[^}]*\} 1/);
  expect(text).not.toMatch(/quern_health_rule_failures_total\{[^}]*\} [1-9]/);
  await tracer.stop();
  await db.destroy();
});
