import { randomUUID } from "node:crypto";
import { deleteLayerName, listLayerNames, nameState } from "@quern/contract/layer-names";
import {
  changeLayer,
  evictLayer,
  explainStates,
  listLayers,
  pinLayer,
  readLayer,
  readLayerCapacity,
  unpinLayer,
} from "@quern/contract/layers";
import { addToHour, enterProcess, noteStore, takeBuild } from "@quern/store/layer-stores";
import { findLayer, insertLayer, type NewLayer } from "@quern/store/layers";
import { makeJob } from "@quern/store/testing-jobs";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, startTestApi, type TestApi } from "./testing.ts";

let api: TestApi;
let admin: Awaited<ReturnType<TestApi["as"]>>;
let editor: Awaited<ReturnType<TestApi["as"]>>;
let process_id: string;
const store_id = randomUUID();
const keyOf = (name: string) => Buffer.from(name.padEnd(32, "."));

beforeAll(async () => {
  api = await startTestApi();
  [admin, editor] = [await api.as("admin"), await api.as("editor")];
  await noteStore(api.db, {
    store_id,
    hostname: "host-1",
    folder: "/var/layers",
    clone: "copy",
    max_bytes: 1000,
    effective_max_bytes: 900,
    reserve_bytes: 10,
    high_watermark: 0.9,
    low_watermark: 0.8,
    total_bytes: 5000,
    free_bytes: 4000,
    shared: null,
  });
  process_id = await enterProcess(api.db, store_id, 600_000);
});
afterAll(() => api.stop());

async function makeLayer(name: string, parent: string | null = null): Promise<string> {
  const layer: NewLayer = {
    store_id,
    org_id: admin.actor.org_id,
    state_key: keyOf(name),
    parent_key: parent === null ? null : keyOf(parent),
    env_key: keyOf("env"),
    depth: parent === null ? 0 : 1,
    bytes: 100,
    own_bytes: 100,
    build_ms: 70,
    engine: "18.4",
    clone: "copy",
    imported: false,
    steps: 1,
    paths: [`init/${name}.sql`],
    volatile: [],
    ttl_s: null,
    build_id: randomUUID(),
    boot_id: "boot",
  };
  const made = await insertLayer(api.db, layer, async () => true);
  if (made.outcome !== "inserted") throw new Error(made.outcome);
  return made.layer.id;
}

const lease = (name: string) =>
  findLayer(api.db, {
    store_id,
    process_id,
    org_id: admin.actor.org_id,
    keys: [keyOf(name)],
    holder: { kind: "job", id: "j" },
    ttl_s: null,
    shared: null,
  });

test("layers are listed, searched, tagged, pinned and named", async () => {
  const base = await makeLayer("base");
  const child = await makeLayer("child", "base");
  const all = await admin.client.call(listLayers, { query: {} });
  expect(all.items.map(({ id }) => id).sort()).toEqual([base, child].sort());
  const page = await admin.client.call(listLayers, { query: { limit: "1" } });
  const rest = await admin.client.call(listLayers, {
    query: { limit: "1", cursor: page.next_cursor! },
  });
  expect([page.items[0]!.id, rest.items[0]!.id].sort()).toEqual([base, child].sort());
  expect(await admin.client.call(readLayer, { params: { id: base } })).toMatchObject({
    children: 1,
    in_use: false,
    store: { id: store_id, hostname: "host-1" },
    paths: ["init/base.sql"],
  });

  await admin.client.call(changeLayer, { params: { id: child }, body: { tags: ["b", "a", "b"] } });
  await admin.client.call(pinLayer, { params: { id: child } });
  await admin.client.call(nameState, { params: { name: "release" }, body: { layer_id: base } });
  const named = await admin.client.call(nameState, {
    params: { name: "release" },
    body: { layer_id: child },
  });
  expect(named).toMatchObject({ status: "active", layer_id: child });
  const hex = keyOf("child").toString("hex");
  for (const query of [
    { tag: "a" },
    { pinned: "true" as const },
    { search: "relea" },
    { search: "init/chi" },
    { key: hex.slice(0, 10) },
    { parent_key: keyOf("base").toString("hex") },
  ]) {
    const { items } = await admin.client.call(listLayers, { query });
    expect(items, JSON.stringify(query)).toMatchObject([
      {
        id: child,
        tags: ["a", "b"],
        names: ["release"],
        pinned: { by: { id: admin.actor.user_id } },
      },
    ]);
  }
  expect((await admin.client.call(unpinLayer, { params: { id: child } })).pinned).toBeNull();
  await admin.client.call(deleteLayerName, { params: { name: "release" } });
  expect((await admin.client.call(listLayerNames, {})).items).toEqual([]);
});

test("an eviction says first what would go and what stays", async () => {
  const top = await makeLayer("top");
  const [used, pinned, free] = [
    await makeLayer("used", "top"),
    await makeLayer("pinned", "top"),
    await makeLayer("free", "top"),
  ];
  await lease("used");
  await admin.client.call(pinLayer, { params: { id: pinned } });
  const evict = (id: string, body: { subtree: boolean; dry_run: boolean }) =>
    admin.client.call(evictLayer, { params: { id }, body });
  const plan = await evict(top, { subtree: true, dry_run: true });
  expect(
    Object.fromEntries(plan.items.map(({ layer_id, blocked }) => [layer_id, blocked])),
  ).toEqual({
    [top]: null,
    [used]: "in_use",
    [pinned]: "pinned",
    [free]: null,
  });
  expect(plan).toMatchObject({ dry_run: true, evicted: 2, freed_bytes: 200 });
  expect((await admin.client.call(readLayer, { params: { id: free } })).status).toBe("ready");

  expect(await problemOf(evict(used, { subtree: false, dry_run: false }))).toMatchObject({
    status: 409,
    detail: expect.stringMatching(/in use/),
  });
  expect(await evict(top, { subtree: true, dry_run: false })).toMatchObject({ evicted: 2 });
  expect((await admin.client.call(readLayer, { params: { id: free } })).status).toBe("evicting");
  expect((await lease("free")).layer).toBeNull();
  expect(await problemOf(admin.client.call(pinLayer, { params: { id: free } }))).toMatchObject({
    status: 409,
    code: "conflict",
  });
  const { rows } = await sql<{ n: number }>`
    select count(*)::integer as n from audit_log where action = 'layer.evicted'`.execute(api.db);
  expect(rows[0]?.n).toBe(2);
});

test("states are explained: ready, being built, evicted and why, never built", async () => {
  await makeLayer("here");
  const gone = await makeLayer("gone");
  await sql`update layers set status = 'evicted', evicted_why = 'capacity', evicted_at = now()
    where id = ${gone}`.execute(api.db);
  const row = { store_id, org_id: admin.actor.org_id, state_key: keyOf("made"), process_id };
  expect(await takeBuild(api.db, row)).toBe(true);
  const names = ["here", "gone", "made", "never"];
  const { items } = await editor.client.call(explainStates, {
    body: { state_keys: names.map((name) => keyOf(name).toString("hex")) },
  });
  expect(items.map(({ state }) => state)).toEqual(["ready", "evicted", "building", "never_built"]);
  expect(items[1]).toMatchObject({ layer_id: gone, build_ms: 70, evicted: { why: "capacity" } });
  expect(
    await problemOf(editor.client.call(explainStates, { body: { state_keys: ["xyz"] } })),
  ).toMatchObject({ status: 400 });
});

test("the caches tell what they hold and how often they were of use", async () => {
  await addToHour(api.db, store_id, {
    full_hits: 6,
    prefix_hits: 2,
    misses: 2,
    builds: 3,
    build_ms: 900,
    evictions: 1,
    evicted_bytes: 50,
  });
  const { caches } = await editor.client.call(readLayerCapacity, {});
  expect(caches).toMatchObject([
    {
      id: store_id,
      alive: true,
      effective_max_bytes: 900,
      last_day: { full_hits: 6, hit_rate: 0.8, evictions: 1 },
      hours: [{ misses: 2 }],
    },
  ]);
  expect(caches[0]!.in_use_bytes).toBe(100);
});

test("editors see the layers of their jobs only, viewers none, and only admins evict", async () => {
  const id = await makeLayer("hidden");
  const viewer = await api.as("viewer");
  expect(await problemOf(viewer.client.call(listLayers, { query: {} }))).toMatchObject({
    status: 403,
  });
  expect((await editor.client.call(listLayers, { query: {} })).items).toEqual([]);
  expect(await problemOf(editor.client.call(readLayer, { params: { id } }))).toMatchObject({
    status: 404,
  });
  await makeJobWith(id);
  expect(
    (await editor.client.call(listLayers, { query: {} })).items.map((layer) => layer.id),
  ).toEqual([id]);
  await editor.client.call(pinLayer, { params: { id } });
  expect(
    await problemOf(editor.client.call(evictLayer, { params: { id }, body: { dry_run: true } })),
  ).toMatchObject({ status: 403 });
});

/** A job of the editor's that has the layer's state as a step. */
async function makeJobWith(layerId: string): Promise<void> {
  const job = await makeJob(api.db, editor.actor);
  await sql`
    insert into job_steps (job_id, n, path, state_key, outcome)
    select ${job.id}, 1, 'init/hidden.sql', layers.state_key, 'built' from layers where id = ${layerId}`.execute(
    api.db,
  );
}
