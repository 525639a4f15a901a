import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ago, openSites, type Sites, session } from "./testing-site.ts";

let sites: Sites;
beforeAll(async () => {
  sites = await openSites();
});
afterAll(() => sites.close());

test("times that are none are left out, others keep their microseconds, and every number of a process fits", async () => {
  const site = await sites.site();
  const exact = "2026-03-01T09:00:00.123456Z";
  const pid = 4_294_967_296;
  const odd = session(pid, {
    ...{ blocked_by: [pid + 1], backend_start: exact, xact_start: "x", query_start: "20260301" },
    state_change: "+275760-09-13T00:00:00.000Z",
    waits_for: {
      ...{ lock_type: "relation", mode: "ShareLock" },
      schema: null,
      relation: null,
      since: "soon",
    },
  });
  const at = ago(60).toISOString();
  await site.send({ activity: [{ at, sessions: [odd], idle: 0 }] }, ago(60));
  const { rows } = await sql`select sessions -> 0 as session from health_activity`.execute(site.db);
  expect(rows).toMatchObject([
    {
      session: {
        ...{ backend_start: exact, xact_start: null, query_start: null, state_change: null },
        waits_for: { since: null },
      },
    },
  ]);
  await sql`insert into health_readers (org_id, role_name) select org_id, current_user from health_databases where id = ${site.database_id}`.execute(
    site.db,
  );
  const seen = await sql`select pid, blocked_by_pids from health.sessions`.execute(site.db);
  expect(seen.rows).toMatchObject([{ pid, blocked_by_pids: [String(pid + 1)] }]);
});
