import { listDatasources, readDatasource } from "@quern/contract/datasources";
import * as contract from "@quern/contract/instances";
import type { Actor } from "@quern/store/actor";
import { findLogin, insertInstance, noteEnded, noteRunning } from "@quern/store/instance-keeping";
import { parseVerifier, scramVerifier } from "@quern/store/scram";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const PROXY = { host: "sandbox.example.test", port: 6432, tls: true };

async function makeInstance(owner: Actor, name: string, proxy: typeof PROXY | null = PROXY) {
  const { id } = await insertInstance(api.db, {
    org_id: owner.org_id,
    owner_id: owner.user_id,
    name,
    project_id: null,
    job_id: null,
    state_key: Buffer.alloc(32, 1),
    engine: "18.4",
    environment: { extensions: ["hstore"], settings: { work_mem: "8MB" }, superuser: false },
    sandbox: "there",
    lease_ms: 60_000,
    ttl_s: null,
    proxy,
  });
  await noteRunning(api.db, id, false);
  return id;
}

test("a person sees and commands their own instances; an admin everybody's; a viewer none", async () => {
  const [admin, editor, other, viewer] = [
    await api.as("admin"),
    await api.as("editor"),
    await api.as("editor"),
    await api.as("viewer"),
  ];
  const id = await makeInstance(editor.actor, "mine");
  const params = { id };
  const own = await editor.client.call(contract.listInstances, { query: {} });
  expect(own.items).toMatchObject([
    {
      id,
      name: "mine",
      status: "running",
      owner: { id: editor.actor.user_id },
      environment: { extensions: ["hstore"] },
      connection: {
        url: "postgres://mine@sandbox.example.test:6432/project?sslmode=require",
        has_password: false,
      },
    },
  ]);
  expect((await other.client.call(contract.listInstances, { query: {} })).items).toEqual([]);
  const everybodys = { query: { owner: "all" as const } };
  expect((await other.client.call(contract.listInstances, everybodys)).items).toEqual([]);
  expect((await admin.client.call(contract.listInstances, everybodys)).items).toHaveLength(1);
  for (const route of [
    contract.readInstance,
    contract.stopInstance,
    contract.resetInstance,
    contract.makeInstancePassword,
  ]) {
    expect(await problemOf(other.client.call(route, { params }))).toMatchObject({ status: 404 });
    expect(await problemOf(viewer.client.call(route, { params }))).toMatchObject({ status: 403 });
  }
  expect(await editor.client.call(contract.resetInstance, { params })).toMatchObject({
    status: "resetting",
  });
  expect(await admin.client.call(contract.stopInstance, { params })).toMatchObject({ id });
});

test("a password is shown once, and a new one takes its place", async () => {
  const { client, actor } = await api.as("editor");
  const id = await makeInstance(actor, "with-password");
  const params = { id };
  const first = await client.call(contract.makeInstancePassword, { params });
  const second = await client.call(contract.makeInstancePassword, { params });
  expect(second.password).not.toBe(first.password);
  expect(second.url).toBe(
    `postgres://with-password:${second.password}@sandbox.example.test:6432/project?sslmode=require`,
  );
  const stored = (await findLogin(api.db, "there", "with-password"))!;
  const { salt } = parseVerifier(stored.verifier);
  expect(await scramVerifier(second.password, salt)).toBe(stored.verifier);
  expect(await scramVerifier(first.password, salt)).not.toBe(stored.verifier);
  expect(await client.call(contract.readInstance, { params })).toMatchObject({
    connection: { has_password: true },
  });
  const { rows } = await api.db
    .selectFrom("audit_log")
    .select(["action", "details"])
    .where("resource_id", "=", id)
    .execute()
    .then((rows) => ({ rows }));
  expect(rows.map(({ action }) => action)).toEqual([
    "instance.password_made",
    "instance.password_made",
  ]);
  expect(JSON.stringify(rows)).not.toContain(second.password);

  const closed = await makeInstance(actor, "without-proxy", null);
  expect(
    await problemOf(client.call(contract.makeInstancePassword, { params: { id: closed } })),
  ).toMatchObject({ status: 503, detail: expect.stringContaining("QUERN_SANDBOX_PROXY_ADDR") });
});

test("an instance is extended up to what an admin allows, and not once it has ended", async () => {
  const { client, actor } = await api.as("editor");
  const id = await makeInstance(actor, "longer");
  const extend = (ttl: number) =>
    client.call(contract.extendInstance, { params: { id }, body: { ttl } });
  expect((await extend(7_200)).remaining_s).toBeGreaterThan(7_100);
  expect(await problemOf(extend(86_401))).toMatchObject({
    status: 400,
    code: "limit_above_maximum",
  });
  expect(await problemOf(extend(1))).toMatchObject({ status: 400, code: "invalid_request" });
  await api.db
    .updateTable("instances")
    .set({ lease_until: new Date(0) })
    .where("id", "=", id)
    .execute();
  expect(await problemOf(extend(7_200))).toMatchObject({ status: 409, code: "conflict" });
  const all = await client.call(contract.listInstances, { query: { status: "ended" } });
  expect(all.items).toMatchObject([{ id, end_reason: "sandbox_lost", connection: null }]);
});

test("opened in the editor, an instance is a datasource of its owner, until it ends", async () => {
  const [owner, other, viewer] = [
    await api.as("editor"),
    await api.as("editor"),
    await api.as("viewer"),
  ];
  const id = await makeInstance(owner.actor, "charted");
  const params = { id };
  const open = () => owner.client.call(contract.openInstanceDatasource, { params });
  const { datasource_id } = await open();
  expect(await open()).toEqual({ datasource_id });
  expect(await owner.client.call(contract.readInstance, { params })).toMatchObject({
    datasource_id,
  });
  const seen = async ({ client }: typeof owner) =>
    (await client.call(listDatasources, {})).items.map((datasource) => datasource.id);
  expect(await seen(owner)).toEqual([datasource_id]);
  expect(await seen(other)).toEqual([]);
  expect(await seen(viewer)).toEqual([]);
  const query = { params: { id: datasource_id } };
  expect(await owner.client.call(readDatasource, query)).toMatchObject({
    name: "Instance charted",
    config: { host: "sandbox.example.test", user: "charted.quern", sslmode: "require" },
    secret: { set: true },
  });
  expect(await problemOf(other.client.call(readDatasource, query))).toMatchObject({ status: 404 });
  // What the runner will say is what the proxy lets in, and nobody else's word.
  expect(await findLogin(api.db, "there", "charted.quern")).toMatchObject({ instance_id: id });
  for (const person of [other, viewer]) {
    const asked = person.client.call(contract.openInstanceDatasource, { params });
    expect([403, 404]).toContain((await problemOf(asked)).status);
  }
  await noteEnded(api.db, id, "stopped", "");
  expect(await seen(owner)).toEqual([]);
  expect(await owner.client.call(contract.readInstance, { params })).toMatchObject({
    datasource_id: null,
  });
  const again = owner.client.call(contract.openInstanceDatasource, { params });
  expect(await problemOf(again)).toMatchObject({ status: 409 });
});
