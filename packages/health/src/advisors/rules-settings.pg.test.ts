import type { SchemaSnapshot } from "@quern/contract/agent/schema";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  ago,
  databaseCounters,
  openSites,
  type Sites,
  serverStats,
  settingsDetail,
} from "../testing-site.ts";
import { RELEASES, RELEASES_AS_OF } from "./postgres-releases.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

const GOOD = {
  ...{ fsync: "on", full_page_writes: "on", autovacuum: "on", track_counts: "on" },
  ...{ track_activities: "on", enable_seqscan: "on", enable_partitionwise_join: "off" },
  ...{ ignore_checksum_failure: "off", zero_damaged_pages: "off", data_checksums: "on" },
  ...{ statement_timeout: "0", idle_in_transaction_session_timeout: "60000", jit: "on" },
  ...{ jit_above_cost: "100000", random_page_cost: "4" },
};

test.each([130_023, 180_004])(
  "settings on %i: those that are well, and those that are not",
  async (version) => {
    const site = await sites.site(version);
    await site.send({ settings_detail: settingsDetail(GOOD) }, ago(60));
    for (const rule of ["dangerous-settings", "setting-hints", "pending-restart"])
      expect(await site.found(rule)).toEqual([]);
    const bad = {
      ...{ ...GOOD, fsync: "off", track_activities: "off", enable_seqscan: "off" },
      ...{ zero_damaged_pages: "on", data_checksums: "off", jit_above_cost: "0" },
      idle_in_transaction_session_timeout: "0",
    };
    await site.send({ settings_detail: settingsDetail(bad, ["fsync"]) });
    const severities = (await site.found("dangerous-settings")).map(({ object, severity }) => [
      object,
      severity,
    ]);
    expect(severities.sort()).toEqual([
      ["enable_seqscan", "info"],
      ["fsync", "critical"],
      ["track_activities", "info"],
      ["zero_damaged_pages", "critical"],
    ]);
    expect((await site.found("setting-hints")).map(({ object }) => object)).toEqual([
      ...["data_checksums", "timeouts", "jit_above_cost"],
    ]);
    expect(await site.found("pending-restart")).toMatchObject([
      { object: "fsync", severity: "info" },
    ]);
    const rds = await sites.site(version, { provider: "rds" });
    await rds.send({ settings_detail: settingsDetail(GOOD) });
    expect(await rds.found("setting-hints")).toMatchObject([{ object: "random_page_cost" }]);
  },
);

test("damaged pages: any is critical, and none is counted without checksums", async () => {
  const site = await sites.site();
  const send = (checksum_failures: number | null) =>
    site.send(
      { server: serverStats({ databases: [databaseCounters({ checksum_failures })] }) },
      ago(checksum_failures ?? 90),
    );
  await send(null);
  expect(await site.judge("checksum-failures")).toMatchObject({ state: "not_applicable" });
  const well = await sites.site(130_023);
  await well.send({ server: serverStats() });
  expect(await well.found("checksum-failures")).toEqual([]);
  await send(2);
  expect(await site.found("checksum-failures")).toMatchObject([
    { object: "shop", severity: "critical", evidence: { failures: 2 } },
  ]);
});

test("versions: by the table, which says how old it is", async () => {
  const at = async (version: number, day: string, provider = "generic") => {
    const site = await sites.site(version, { now: new Date(day), provider });
    return (await site.found("outdated-version")).map(
      ({ object, severity }) => `${object} ${severity}`,
    );
  };
  expect(await at(180_004, "2026-06-01")).toEqual([]);
  expect(await at(180_003, "2026-06-01")).toEqual(["minor info"]);
  expect(await at(180_001, "2026-11-21")).toEqual(["minor warning"]);
  expect(await at(180_001, "2026-11-21", "aurora")).toEqual([]);
  expect(await at(140_023, "2026-06-01")).toEqual(["major info"]);
  expect(await at(130_023, "2026-06-01")).toEqual(["major warning"]);
  expect(await at(120_022, "2026-06-01")).toEqual(["major critical"]);
  const site = await sites.site(190_000);
  expect(await site.judge("outdated-version")).toMatchObject({
    state: "not_applicable",
    reason: expect.stringContaining(RELEASES_AS_OF),
  });
  for (const { released, end_of_life } of RELEASES) {
    expect(Date.parse(released)).toBeLessThanOrEqual(Date.parse(RELEASES_AS_OF));
    expect(Date.parse(end_of_life)).toBeGreaterThan(0);
  }
});

const nothing: SchemaSnapshot = { tables: [], indexes: [] };
const routine = (
  name: string,
  security_definer: boolean,
  sets_search_path: boolean,
  everybody = true,
) => ({
  ...{ schema: "api", name, arguments: "integer", kind: "f" as const, language: "sql" },
  ...{ security_definer, sets_search_path, public_may_execute: everybody, hash: name },
});
const table = (schema: string, name: string, row_security: boolean, kind: "r" | "v" = "r") => ({
  ...{ schema, name, columns: [], row_count_estimate: 0, size_bytes: 0, row_security, kind },
});

test.each([130_023, 180_004])("lints of the schema on %i", async (version) => {
  const site = await sites.site(version, { provider: "supabase" });
  await site.send({ schema: nothing, schema_hash: "empty" }, ago(60));
  for (const rule of ["security-definer", "public-create", "extension-updates"])
    expect(await site.judge(rule)).toMatchObject({ state: "not_enough_data" });
  const extension = (name: string, version: string, default_version: string | null) => ({
    ...{ name, version, default_version, schema: "public" },
  });
  await site.send({
    schema_hash: "full",
    schema: {
      ...{ indexes: [], tables: [table("public", "Open", false), table("public", "closed", true)] },
      routines: [
        ...[routine("safe", true, true), routine("plain", false, false)],
        ...[routine("open", true, false), routine("hidden", true, false, false)],
      ],
      schemas: [
        { name: "public", public_may_create: true },
        { name: "api", public_may_create: false },
      ],
      extensions: [
        ...[extension("pg_stat_statements", "1.9", "1.12"), extension("plpgsql", "1.0", "1.0")],
        ...[extension("newer", "1.10", "1.9"), extension("gone", "1.0", null)],
      ],
    },
  });
  expect(await site.found("security-definer")).toMatchObject([
    {
      ...{ object: "api.open(integer)", severity: "warning" },
      fix: {
        sql: "alter function api.open(integer) set search_path = pg_catalog, api, pg_temp;",
      },
    },
    { object: "api.hidden(integer)", severity: "info" },
  ]);
  expect(await site.found("public-create")).toMatchObject([
    { object: "public", fix: { sql: "revoke create on schema public from public;" } },
  ]);
  expect(await site.found("row-security")).toMatchObject([
    {
      object: 'public."Open"',
      fix: { sql: 'alter table public."Open" enable row level security;' },
    },
  ]);
  expect(await site.found("extension-updates")).toMatchObject([
    { object: "pg_stat_statements", fix: { sql: "alter extension pg_stat_statements update;" } },
  ]);
  const elsewhere = await sites.site(version);
  expect(await elsewhere.judge("row-security")).toMatchObject({ state: "not_applicable" });
});

test("rights: of the agent's role, and of too many superusers", async () => {
  const site = await sites.site();
  const role = {
    name: "Quern",
    superuser: false,
    pg_monitor: true,
    reads_tables: false,
    helper: true,
  };
  const send = (seconds: number, superusers: number, more: Partial<typeof role>) =>
    site.send(
      { server: serverStats({ superusers, agent_role: { ...role, ...more } }) },
      ago(seconds),
    );
  await site.send({ server: serverStats() }, ago(90));
  const failed = (code: string) => ({
    ...{ name: "server.roles", status: "error" as const, code, sqlstate: "42501" },
    ...{ hint: "grant pg_monitor to quern;", duration_ms: 1, rows: null, truncated: false },
  });
  const refused = await sites.site();
  for (const [code, state] of [
    ["no_permission", "no_permission"],
    ["timeout", "not_enough_data"],
    ["not_supported", "not_applicable"],
  ] as const) {
    await refused.send({ server: serverStats(), collectors: [failed(code)] }, ago(80));
    expect(await refused.judge("superusers")).toMatchObject({ state });
  }
  for (const rule of ["superusers", "agent-privileges"])
    expect(await site.judge(rule)).toMatchObject({ state: "not_enough_data" });
  await send(60, 10, {});
  expect([await site.found("superusers"), await site.found("agent-privileges")]).toEqual([[], []]);
  await send(30, 11, { reads_tables: true });
  expect(await site.found("superusers")).toMatchObject([{ evidence: { superusers: 11 } }]);
  expect(await site.found("agent-privileges")).toMatchObject([{ object: "tables" }]);
  await send(0, 11, { superuser: true, reads_tables: true });
  expect(await site.found("agent-privileges")).toMatchObject([
    {
      object: "superuser",
      fix: { sql: expect.stringContaining("grant pg_monitor to quern_agent") },
    },
  ]);
});
