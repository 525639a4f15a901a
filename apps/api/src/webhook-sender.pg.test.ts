import type { RequestListener } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import {
  changeWebhook,
  deleteWebhook,
  listWebhooks,
  readWebhook,
  redeliverDeadWebhookDeliveries,
  redeliverWebhookDelivery,
  testWebhook,
} from "@quern/contract/webhooks";
import { openLog } from "@quern/runtime/log";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { start } from "./server.ts";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";
import { happen, makeWebhook, type Receiver, receive, tried } from "./testing-webhooks.ts";

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
async function listening(answer: RequestListener): Promise<Receiver> {
  const receiver = await receive(answer);
  open.push(receiver);
  return receiver;
}

test("failures are in words, dead messages go out again on demand, and a test works when switched off", async () => {
  let status = 302;
  // Nothing is tried again by itself while this test looks at it.
  const headers = { location: "http://169.254.169.254/", "retry-after": "3600" };
  const { url, received } = await listening((_request, reply) =>
    reply.writeHead(status, headers).end("body ".repeat(1_000)),
  );
  const { webhook } = await makeWebhook(admin.client, "flaky", url);
  const params = { id: webhook.id };
  await admin.client.call(testWebhook, { params });
  expect(await tried(admin.client, webhook.id)).toMatchObject({
    event: "webhook.test",
    status: "dead",
    last: {
      status_code: 302,
      error_code: "redirect_refused",
      error: expect.stringContaining("not followed"),
    },
  });
  status = 500;
  await happen(api.db, admin.actor);
  while (received.length < 2) await delay(20);
  const failed = await tried(admin.client, webhook.id);
  expect(failed).toMatchObject({
    status: "pending",
    attempts: 1,
    attempts_left: 9,
    last: { error_code: "status" },
  });
  expect(
    await admin.client.call(changeWebhook, { params, body: { enabled: false } }),
  ).toMatchObject({
    disabled_reason: "person",
    pending: 0,
    dead: 1,
  });
  expect(await happen(api.db, admin.actor)).toBe(0);
  expect(
    await problemOf(admin.client.call(redeliverDeadWebhookDeliveries, { params })),
  ).toMatchObject({ status: 409 });
  status = 200;
  await admin.client.call(testWebhook, { params });
  while ((await tried(admin.client, webhook.id)).status !== "delivered") await delay(20);
  await admin.client.call(changeWebhook, { params, body: { enabled: true } });
  expect(await admin.client.call(redeliverDeadWebhookDeliveries, { params })).toEqual({ count: 1 });
  while (received.length < 4) await delay(20);
  expect(received[3]!.headers["webhook-id"]).toBe(failed.event_id);
  const delivery_id = failed.id;
  await admin.client.call(redeliverWebhookDelivery, { params: { ...params, delivery_id } });
  while (received.length < 5) await delay(20);
  await admin.client.call(deleteWebhook, { params });
  expect(await admin.client.call(listWebhooks, {})).toEqual({ items: [], next_cursor: null });
});

test("a receiver that never answers delays nobody else", async () => {
  const stuck = await listening(() => {});
  const good = await listening((_request, reply) => reply.end());
  const [slow, quick] = [
    await makeWebhook(admin.client, "stuck", stuck.url),
    await makeWebhook(admin.client, "good", good.url),
  ];
  for (let n = 0; n < 5; n++) await happen(api.db, admin.actor);
  while (good.received.length < 5 || stuck.received.length < 1) await delay(20);
  expect(stuck.received).toHaveLength(1);
  expect(await admin.client.call(readWebhook, { params: { id: slow.webhook.id } })).toMatchObject({
    pending: 5,
  });
  expect((await tried(admin.client, quick.webhook.id)).status).toBe("delivered");
});

test("two API processes send each message once, and one at a time", async () => {
  const settings = {
    DATABASE_URL: api.databaseUrl,
    HOST: "127.0.0.1",
    PORT: 0,
    QUERN_BASE_URL: "http://quern.example.test",
    QUERN_KEYS: api.keysDirectory,
    QUERN_RESULTS: `file:${api.keysDirectory}/results`,
    LOG_LEVEL: "fatal" as const,
    QUERN_OUTBOUND_ALLOW: "127.0.0.1",
  };
  const other = await start(settings, openLog("api", "fatal"));
  try {
    let open = 0;
    let most = 0;
    const receiver = await listening((_request, reply) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        reply.end();
      }, 5);
    });
    const { webhook } = await makeWebhook(admin.client, "both", receiver.url);
    for (let n = 0; n < 30; n++) await happen(api.db, admin.actor);
    const params = { id: webhook.id };
    while ((await admin.client.call(readWebhook, { params })).pending > 0) await delay(20);
    expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(30);
    expect(receiver.received).toHaveLength(30);
    expect(most).toBe(1);
  } finally {
    await other.stop();
  }
});

test("a secret that does not open is said, and nothing is sent unsigned", async () => {
  const { url, received } = await listening((_request, reply) => reply.end());
  const { webhook } = await makeWebhook(admin.client, "lost keys", url);
  await sql`update webhooks set secret_version = 7`.execute(api.db);
  await admin.client.call(testWebhook, { params: { id: webhook.id } });
  expect(await tried(admin.client, webhook.id)).toMatchObject({
    last: { error_code: "secret_unreadable", error: expect.stringContaining("new secret") },
  });
  expect(received).toEqual([]);
});
