import { createHmac } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import {
  changeWebhook,
  createWebhook,
  deleteWebhook,
  listWebhookDeliveries,
  listWebhooks,
  readWebhook,
  readWebhookDelivery,
  redeliverDeadWebhookDeliveries,
  rotateWebhookSecret,
  testWebhook,
} from "@quern/contract/webhooks";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import {
  happen,
  JOB,
  makeWebhook,
  type Received,
  type Receiver,
  receiveWell,
  tried,
} from "./testing-webhooks.ts";

type Person = Awaited<ReturnType<TestApi["as"]>>;
let api: TestApi;
let admin: Person;
beforeAll(async () => {
  api = await startTestApi({ QUERN_OUTBOUND_ALLOW: "127.0.0.1" });
  admin = await api.as("admin");
});
afterAll(() => api.stop());

const open: Receiver[] = [];
afterEach(async () => {
  for (const receiver of open.splice(0)) receiver.close();
  await sql`delete from webhooks`.execute(api.db);
});
async function well(): Promise<Receiver> {
  const receiver = await receiveWell();
  open.push(receiver);
  return receiver;
}

function verify({ headers, body }: Received, secret: string): boolean {
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const expected = createHmac("sha256", key).update(signed).digest("base64");
  return String(headers["webhook-signature"]).split(" ").includes(`v1,${expected}`);
}

test("an admin's webhook is told of what happens, signed with a secret that is shown once", async () => {
  const { url, received } = await well();
  const { webhook, secret } = await makeWebhook(admin.client, "CI", url);
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(webhook).toMatchObject({
    url,
    disabled_at: null,
    failures: 0,
    pending: 0,
    created_by: { id: admin.actor.user_id },
  });
  expect(await happen(api.db, admin.actor)).toBe(1);
  const delivery = await tried(admin.client, webhook.id);
  expect(delivery).toMatchObject({
    status: "delivered",
    attempts: 1,
    last: { status_code: 204, error: null },
  });
  const [message] = received as [Received];
  expect(verify(message, secret)).toBe(true);
  expect(verify(message, `whsec_${btoa("y".repeat(32))}`)).toBe(false);
  expect(message.headers).toMatchObject({
    "content-type": "application/json",
    "webhook-id": delivery.event_id,
  });
  expect(Math.abs(Number(message.headers["webhook-timestamp"]) - Date.now() / 1000)).toBeLessThan(
    60,
  );
  expect(JSON.parse(message.body)).toMatchObject({
    version: 1,
    id: delivery.event_id,
    event: "job.completed",
    job: JOB,
  });
  const details = await admin.client.call(readWebhookDelivery, {
    params: { id: webhook.id, delivery_id: delivery.id },
  });
  expect(details.payload).toBe(message.body);
  expect(details.log).toHaveLength(1);

  // Neither the database nor the audit log has the secret in clear, nor the log what is in the address.
  const { rows } = await sql<{ all: string }>`
    select (select json_agg(webhooks) from webhooks)::text || (select json_agg(audit_log) from audit_log)::text as all`.execute(
    api.db,
  );
  expect(rows[0]!.all).not.toContain(secret);
  const { rows: audit } = await sql<{ details: unknown }>`
    select details from audit_log where action = 'webhook.created'`.execute(api.db);
  expect(JSON.stringify(audit)).toContain(new URL(url).origin);
  expect(JSON.stringify(audit)).not.toContain("hidden");
});

test("only admins see, make and change webhooks", async () => {
  const { url } = await well();
  const { webhook } = await makeWebhook(admin.client, "mine", url);
  const params = { id: webhook.id };
  for (const role of ["editor", "viewer"] as const) {
    const { client } = await api.as(role);
    const refused = [
      client.call(listWebhooks, {}),
      client.call(readWebhook, { params }),
      client.call(createWebhook, { body: { name: "x", url, events: ["job.failed"] } }),
      client.call(changeWebhook, { params, body: { enabled: false } }),
      client.call(deleteWebhook, { params }),
      client.call(rotateWebhookSecret, { params, body: {} }),
      client.call(testWebhook, { params }),
      client.call(listWebhookDeliveries, { params }),
      client.call(redeliverDeadWebhookDeliveries, { params }),
    ];
    for (const problem of await Promise.all(refused.map(problemOf)))
      expect(problem).toMatchObject({ status: 403, code: "not_allowed" });
  }
});

test("what would not work, or lead inside, is refused with the field that is wrong", async () => {
  const refused = [
    ["http://10.0.0.1/hook", "private network"],
    ["http://169.254.169.254/latest/meta-data/", "metadata"],
    ["http://[::ffff:10.0.0.1]/", "private network"],
    ["http://localhost:3000/", "this machine"],
    ["https://user:pass@example.com/", "password"],
    ["ftp://example.com/", "https://"],
    ["https://example.com/#x", "fragment"],
    ["not an address", "https://"],
  ];
  for (const [url, words] of refused) {
    const problem = await problemOf(makeWebhook(admin.client, "x", url!));
    expect([url, problem.status, problem.errors?.[0]?.path]).toEqual([url, 400, "body.url"]);
    expect(problem.errors?.[0]?.message).toContain(words);
  }
  const { url } = await well();
  await makeWebhook(admin.client, "Taken", url);
  expect(await problemOf(makeWebhook(admin.client, "taken", url))).toMatchObject({
    status: 409,
    code: "name_taken",
  });
  const twice = { name: "x", url, events: ["job.failed" as const, "job.failed" as const] };
  expect(await problemOf(admin.client.call(createWebhook, { body: twice }))).toMatchObject({
    status: 400,
  });
  const params = { id: "00000000-0000-4000-8000-000000000000" };
  expect(await problemOf(admin.client.call(testWebhook, { params }))).toMatchObject({
    status: 404,
  });
});

test("after a rotation both secrets sign for a while, or at once only the new one", async () => {
  const { url, received } = await well();
  const { webhook, secret } = await makeWebhook(admin.client, "CI", url);
  const params = { id: webhook.id };
  const rotate = async (overlap_hours: number) =>
    admin.client.call(rotateWebhookSecret, { params, body: { overlap_hours } });
  const second = await rotate(1);
  expect(second.webhook.previous_secret_until).not.toBeNull();
  await admin.client.call(testWebhook, { params });
  await tried(admin.client, webhook.id);
  expect([secret, second.secret].map((each) => verify(received[0]!, each))).toEqual([true, true]);
  const third = await rotate(0);
  await happen(api.db, admin.actor);
  while (received.length < 2) await delay(20);
  expect([second.secret, third.secret].map((each) => verify(received[1]!, each))).toEqual([
    false,
    true,
  ]);
});
