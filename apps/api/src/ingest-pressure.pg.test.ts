import { createAgent } from "@quern/contract/health/agents";
import { expect, test } from "vitest";
import { startTestApi } from "./testing.ts";
import { payloadOf, send } from "./testing-agents.ts";

test("who is taken while others have to be sent away is asked to come less often", async () => {
  await using api = await startTestApi();
  const admin = await api.as("admin");
  const agent = await admin.client.call(createAgent, { body: { name: "one of many" } });
  const at = (n: number) => new Date(Date.now() - n * 1_000).toISOString();
  const post = (n: number) =>
    send(api.address, agent, payloadOf({ timestamp: at(n), node_id: "n", instance_id: "i" }));
  expect(await post(9_000)).toMatchObject({ status: 200, body: { next_interval_s: null } });
  const statuses = new Set<number>();
  for (let turn = 1; !statuses.has(503); turn += 1)
    for (const { status } of await Promise.all(
      Array.from({ length: 40 }, (_, n) => post(9_000 - turn * 40 - n)),
    ))
      statuses.add(status);
  expect([...statuses].sort()).toEqual([200, 503]);
  const answer = await post(1);
  expect(answer).toMatchObject({ status: 200 });
  expect((answer.body as { next_interval_s: number }).next_interval_s).toBeGreaterThanOrEqual(120);
});

test("large payloads are worked on one after the other: who comes second keeps its own and sends it again", async () => {
  await using api = await startTestApi();
  const admin = await api.as("admin");
  const agent = await admin.client.call(createAgent, { body: { name: "one of a few" } });
  // Two of 70 MB are more than may be worked on at once; blanks cost the test nothing but their bytes.
  const blanks = " ".repeat(70 * 1024 * 1024);
  const post = (n: number) =>
    send(api.address, agent, null, {
      gzip: true,
      body: `${JSON.stringify(payloadOf({ timestamp: new Date(Date.now() - n * 60_000).toISOString() }))}${blanks}`,
    });
  let turn = 0;
  const statuses = new Set<number>();
  while (!statuses.has(503)) {
    turn += 1;
    for (const { status } of await Promise.all([0, 1].map((n) => post(turn * 2 + n))))
      statuses.add(status);
  }
  expect([...statuses].sort()).toEqual([200, 503]);
  expect(await post(0)).toMatchObject({ status: 200 });
});
