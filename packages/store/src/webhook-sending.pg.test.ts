import { randomUUID } from "node:crypto";
import type { JobNews } from "@quern/contract/webhook-events";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { type Database, openDatabase } from "./db.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor } from "./testing-fixtures.ts";
import { endPending, forgetDeliveries, readDelivery, redeliver } from "./webhook-deliveries.ts";
import { ATTEMPTS, enqueueDeliveries } from "./webhook-events.ts";
import {
  type AttemptOutcome,
  type ClaimedDelivery,
  claimDelivery,
  noteAttempt,
  RETRY_S,
  readOutbox,
  releaseDelivery,
} from "./webhook-sending.ts";
import { changeWebhook, createWebhook, deleteWebhook, listWebhooks } from "./webhooks.ts";

let database: TestDatabase;
let db: Database;
let admin: Actor;
beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url, { max: 12 });
  admin = await makeActor(db, "admin");
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});
beforeEach(() => sql`delete from webhooks`.execute(db).then());

async function makeWebhook(events = ["job.completed"]): Promise<string> {
  const id = randomUUID();
  const url = "https://hooks.example.test/";
  await createWebhook(db, admin, { id, name: `w ${id}`, url, events, secret: "sealed" });
  return id;
}

const JOB: JobNews = {
  id: "018f0000-0000-7000-8000-000000000001",
  type: "run",
  request_id: "r",
  project_id: null,
  user_id: null,
  status: "completed",
  head_path: "test/x.sql",
  tail_hash: "ab",
  snapshot: null,
  run_id: null,
  rows: 1,
  error: null,
  metrics: {},
  telemetry_context: null,
  created_at: "2026-01-01T00:00:00.000Z",
  finished_at: "2026-01-01T00:00:01.000Z",
};
const happen = (trx = db, event = "job.completed" as const) =>
  enqueueDeliveries(trx, { org_id: admin.org_id, event, created_at: new Date(), job: JOB });

const WELL: AttemptOutcome = { duration_ms: 5, status_code: 200, error: null, retry_after_s: null };
const failed = (status: number, retry_after_s: number | null = null): AttemptOutcome => ({
  duration_ms: 5,
  status_code: status,
  error: { code: "status", message: `It answered ${status}.` },
  retry_after_s,
});
const claimed = async (): Promise<ClaimedDelivery> => {
  const claim = await claimDelivery(db);
  if (!claim) throw new Error("nothing was due");
  return claim;
};
/** Lets time pass for what waits: everything is due and nothing is held. */
const wait = async () => {
  await sql`update webhook_deliveries set due_at = now() - interval '1 second' where status = 'pending'`.execute(
    db,
  );
  await sql`update webhooks set held_until = null`.execute(db);
};
const statuses = async () =>
  (
    await sql<{ status: string }>`select status from webhook_deliveries order by id`.execute(db)
  ).rows.map(({ status }) => status);
const webhook = async (id: string) => (await listWebhooks(db, admin.org_id, id))[0]!;

test("a message is in the outbox if and only if what it tells of is committed, once for each that listens", async () => {
  await Promise.all([
    makeWebhook(),
    makeWebhook(["job.failed", "job.completed"]),
    makeWebhook(["job.failed"]),
  ]);
  const off = await makeWebhook();
  await changeWebhook(db, admin.org_id, off, { enabled: false });
  await expect(
    db.transaction().execute(async (trx) => {
      expect(await happen(trx)).toBe(2);
      throw new Error("rolled back");
    }),
  ).rejects.toThrow("rolled back");
  expect(await statuses()).toEqual([]);
  expect(await db.transaction().execute((trx) => happen(trx))).toBe(2);
  expect(await statuses()).toEqual(["pending", "pending"]);
  const [one, two] = [await claimed(), await claimed()];
  expect(one.webhook_id).not.toBe(two.webhook_id);
  expect(one.event_id).toBe(two.event_id);
  expect(JSON.parse(one.payload)).toMatchObject({
    version: 1,
    id: one.event_id,
    event: "job.completed",
    job: JOB,
  });
});

const waitingForLocks = async () => {
  const { rows } = await sql<{ count: number }>`
    select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
    db,
  );
  return rows[0]!.count;
};

test("a webhook that is deleted at this moment does not undo what happened", async () => {
  const id = await makeWebhook();
  const deleting = await db.startTransaction().execute();
  await deleteWebhook(deleting, admin.org_id, id);
  const happening = happen();
  while ((await waitingForLocks()) === 0) await new Promise((resolve) => setImmediate(resolve));
  await deleting.commit().execute();
  expect(await happening).toBe(0);
});

test("many senders at once: each message goes out once, and a webhook gets one at a time", async () => {
  const webhooks = await Promise.all([makeWebhook(), makeWebhook(), makeWebhook()]);
  for (let n = 0; n < 12; n++) await happen();
  const busy = new Map<string, number>();
  const sent: string[] = [];
  const sender = async () => {
    while (sent.length < 36) {
      const claim = await claimDelivery(db);
      if (!claim) {
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      busy.set(claim.webhook_id, (busy.get(claim.webhook_id) ?? 0) + 1);
      expect(busy.get(claim.webhook_id)).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      busy.set(claim.webhook_id, 0);
      sent.push(`${claim.webhook_id} ${claim.event_id}`);
      expect(await noteAttempt(db, claim, WELL)).toBe("delivered");
    }
  };
  await Promise.all(Array.from({ length: 8 }, sender));
  expect(new Set(sent).size).toBe(36);
  expect(webhooks.map((id) => sent.filter((each) => each.startsWith(id)).length)).toEqual([
    12, 12, 12,
  ]);
  expect(await claimDelivery(db)).toBeUndefined();
});

test("who dies while it sends costs a lease: the message goes out again under its id, and a late sender changes nothing", async () => {
  await makeWebhook();
  await happen();
  const first = await claimed();
  await wait();
  expect(await claimDelivery(db)).toBeUndefined();
  await sql`update webhooks set lease_until = now() - interval '1 second'`.execute(db);
  const second = await claimed();
  expect(second).toMatchObject({ id: first.id, event_id: first.event_id, attempt: 2 });
  expect(await noteAttempt(db, first, WELL)).toBe("lost");
  await releaseDelivery(db, first);
  expect(await claimDelivery(db)).toBeUndefined();
  expect(await noteAttempt(db, second, WELL)).toBe("delivered");
  expect((await readDelivery(db, first.webhook_id, first.id))?.log).toMatchObject([
    { attempt: 2, duration_ms: 5, status_code: 200 },
    { attempt: 1, duration_ms: null, status_code: null },
  ]);
});

test("a message that kills its sender each time ends as dead", async () => {
  await makeWebhook();
  await happen();
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    expect((await claimed()).attempt).toBe(attempt);
    await wait();
    await sql`update webhooks set lease_until = now() - interval '1 second'`.execute(db);
  }
  expect(await claimDelivery(db)).toBeUndefined();
  expect(await statuses()).toEqual(["dead"]);
});

test("failures are tried again, ever later, over about a day; then the message is dead, and may be sent anew", async () => {
  const id = await makeWebhook();
  await happen();
  const seconds = async () => {
    const { rows } = await sql<{ now: number; due: number }>`
      select extract(epoch from clock_timestamp())::float8 as now, extract(epoch from due_at)::float8 as due
      from webhook_deliveries`.execute(db);
    return rows[0]!;
  };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const claim = await claimed();
    const before = await seconds();
    expect(await noteAttempt(db, claim, failed(500))).toBe(attempt === ATTEMPTS ? "dead" : "retry");
    const after = await seconds();
    const pause = RETRY_S[attempt - 1];
    if (pause !== undefined) {
      expect(after.due - before.now).toBeGreaterThanOrEqual(pause - 0.001);
      expect(after.due - after.now).toBeLessThanOrEqual(pause * 1.2 + 0.001);
    }
    await wait();
  }
  expect(RETRY_S.reduce((sum, each) => sum + each) / 3600).toBeCloseTo(21.7, 1);
  const dead = await webhook(id);
  expect(dead).toMatchObject({ pending: 0, dead: 1, failures: ATTEMPTS, disabled_at: null });
  expect(await redeliver(db, id, "dead")).toBe(1);
  const again = await claimed();
  expect(again).toMatchObject({ attempt: ATTEMPTS + 1, attempts_left: ATTEMPTS - 1 });
  expect(await redeliver(db, id, { id: again.id })).toBe(0);
  expect(await noteAttempt(db, again, WELL)).toBe("delivered");
  expect(await webhook(id)).toMatchObject({ failures: 0, failing_since: null, dead: 0 });
});

test("a receiver may ask for more time, and one that fails again and again is left alone for a while", async () => {
  const id = await makeWebhook();
  for (let n = 0; n < 4; n++) await happen();
  await noteAttempt(db, await claimed(), failed(429, 3_600));
  const { rows } = await sql<{ wait: number }>`
    select max(extract(epoch from due_at - now()))::float8 as wait from webhook_deliveries`.execute(
    db,
  );
  expect(rows[0]!.wait).toBeGreaterThan(3_590);
  expect((await webhook(id)).held_until).toBeNull();
  for (let n = 0; n < 2; n++) await noteAttempt(db, await claimed(), failed(500));
  expect((await webhook(id)).held_until).not.toBeNull();
  expect(await claimDelivery(db)).toBeUndefined();
  expect((await readOutbox(db)).lag_s).toBe(0);
});

test("410 switches a webhook off at once, and failures do after three days; what waited is dead", async () => {
  const gone = await makeWebhook();
  await happen();
  await happen();
  expect(await noteAttempt(db, await claimed(), failed(410))).toBe("dead");
  expect(await webhook(gone)).toMatchObject({ disabled_reason: "gone", pending: 0, dead: 2 });
  await expect(redeliver(db, gone, "dead")).rejects.toThrow(/switched off/);
  await deleteWebhook(db, admin.org_id, gone);

  const failing = await makeWebhook();
  await happen();
  await sql`update webhooks set failures = 11, failing_since = now() - interval '71 hours'`.execute(
    db,
  );
  await noteAttempt(db, await claimed(), failed(500));
  expect((await webhook(failing)).disabled_reason).toBeNull();
  await wait();
  await sql`update webhooks set failing_since = now() - interval '73 hours'`.execute(db);
  await noteAttempt(db, await claimed(), failed(500));
  expect(await webhook(failing)).toMatchObject({ disabled_reason: "failing", pending: 0, dead: 1 });
  await changeWebhook(db, admin.org_id, failing, { enabled: true });
  expect(await webhook(failing)).toMatchObject({
    disabled_at: null,
    failures: 0,
    failing_since: null,
  });
  expect(await redeliver(db, failing, "dead")).toBe(1);
});

test("what is given back keeps its attempt; what ended during its sending stays ended", async () => {
  const id = await makeWebhook();
  await happen();
  await releaseDelivery(db, await claimed());
  const claim = await claimed();
  expect(claim).toMatchObject({ attempt: 1, attempts_left: ATTEMPTS - 1 });
  await endPending(db, id, "The webhook was switched off.");
  await noteAttempt(db, claim, failed(500));
  expect(await statuses()).toEqual(["dead"]);
  expect((await readDelivery(db, id, claim.id))?.log[0]).toMatchObject({ error_code: "disabled" });
});

test("deliveries are forgotten 30 days after they ended, and none that wait", async () => {
  await makeWebhook();
  for (let n = 0; n < 3; n++) await happen();
  await noteAttempt(db, await claimed(), WELL);
  await noteAttempt(db, await claimed(), WELL);
  await sql`update webhook_deliveries set created_at = now() - interval '60 days'`.execute(db);
  await sql`
    update webhook_deliveries set ended_at = now() - interval '31 days'
    where id = (select id from webhook_deliveries where ended_at is not null limit 1)`.execute(db);
  expect(await forgetDeliveries(db)).toBe(1);
  expect((await statuses()).sort()).toEqual(["delivered", "pending"]);
});
