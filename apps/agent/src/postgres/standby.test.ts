import { execFileSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collectorFor, configFor, resultOf } from "../testing-postgres/collector.ts";
import { startTestServer, type TestServer } from "../testing-postgres/server.ts";

let primary: TestServer;
let standby: TestServer;

/** A copy of the running primary, as pg_basebackup makes it. */
async function copyPrimary(dataDir: string): Promise<void> {
  const session = await primary.session();
  await session.query("select pg_backup_start('copy', true)");
  execFileSync("cp", ["-a", `${primary.dataDir}/.`, dataDir]);
  await rm(join(dataDir, "postmaster.pid"));
  const { rows } = await session.query("select labelfile from pg_backup_stop(false)");
  await writeFile(join(dataDir, "backup_label"), rows[0].labelfile, { mode: 0o644 });
  await writeFile(join(dataDir, "standby.signal"), "", { mode: 0o644 });
  await session.end();
}

beforeAll(async () => {
  primary = await startTestServer(18, { wal_level: "replica" });
  await primary.sql(
    `create extension pg_stat_statements; create table t (id serial primary key); insert into t default values;
     create unlogged table u (id serial); insert into u default values; checkpoint`,
  );
  await primary.sql("select pg_create_physical_replication_slot('beside', true)");
  standby = await startTestServer(
    18,
    {
      primary_conninfo: `host=127.0.0.1 port=${primary.port} user=postgres password=canary7c1f application_name=beside`,
      ...{ primary_slot_name: "beside", hot_standby: "on", hot_standby_feedback: "on" },
    },
    copyPrimary,
  );
});
afterAll(async () => {
  await standby.stop();
  await primary.stop();
});

test("P2, C9: a standby is read without what only a primary has; a promotion is another timeline", async () => {
  const collector = collectorFor(configFor(standby.url()));
  await collector.sample();
  const streaming = () => primary.sql("select state from pg_stat_replication");
  while ((await streaming())[0]?.state !== "streaming");
  const [payload] = await collector.collect();
  expect(payload?.collectors?.filter(({ status }) => status !== "ok")).toEqual([]);
  expect(payload?.server).toMatchObject({
    in_recovery: true,
    receiver: { status: "streaming", slot_name: "beside" },
    conflicts: { confl_lock: 0 },
  });
  expect(Number(payload?.server?.wal_position_bytes)).toBeGreaterThan(0);
  expect(
    payload?.sequences?.find(({ sequence }) => sequence === "u_id_seq")?.last_value,
  ).toBeNull();
  expect(payload?.sequences?.find(({ sequence }) => sequence === "t_id_seq")?.last_value).toBe(1);
  expect(JSON.stringify(payload)).not.toContain("canary7c1f");

  const beside = collectorFor(configFor(primary.url()));
  const [of] = await beside.collect("server");
  expect(of?.server?.replicas).toMatchObject([{ application_name: "beside", state: "streaming" }]);
  expect(of?.server?.slots).toMatchObject([{ name: "beside", type: "physical", active: true }]);
  expect(of?.cluster_id).toBe(payload?.cluster_id);
  expect(of?.node_id).not.toBe(payload?.node_id);
  expect(of?.epochs?.timeline).toBe(1);
  await beside.close();

  await standby.sql("select pg_promote()");
  const [promoted] = await collector.collect("server", "sequences");
  expect(promoted?.server?.in_recovery).toBe(false);
  expect(promoted?.epochs?.timeline).toBe(2);
  expect(promoted?.instance_id).toBe(payload?.instance_id);
  expect(resultOf(promoted, "sequences").status).toBe("ok");
  await collector.close();
});
