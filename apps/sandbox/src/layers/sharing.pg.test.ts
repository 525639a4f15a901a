import { existsSync } from "node:fs";
import {
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { startPostgres } from "@quern/postmaster/postmaster";
import { type PartStore, parsePartStore } from "@quern/results/parts";
import { startS3 } from "@quern/results/testing-s3";
import { isExported } from "@quern/store/layer-exports";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { realCluster } from "../testing-layers/clusters.ts";
import { keyOf } from "../testing-layers/keys.ts";
import { type RealCluster, smallPgdata } from "../testing-layers/pgdata.ts";
import {
  publishSmall,
  smallState,
  type TestPlace,
  testPlace,
  testStore,
} from "../testing-layers/store.ts";
import type { Holder, LayerStore, Made } from "./layer-store.ts";
import { openSharedLayers } from "./shared-layers.ts";
import { chunkKey, manifestKey, openManifest } from "./shared-manifest.ts";

const KEYS = [{ kid: "k1", key: Buffer.alloc(32, 1) }];
const job: Holder = { kind: "job", id: "j" };
const never = new AbortController().signal;

let place: TestPlace;
let cluster: RealCluster;
let bucket: string;
let shared: PartStore;
let here: LayerStore;
let there: LayerStore;

beforeAll(async () => {
  [place, cluster] = await Promise.all([
    testPlace(),
    realCluster(async (url) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(
        "create table t as select i, repeat('x', i % 100) as s from generate_series(1, 20000) as i",
      );
      await client.end();
    }),
  ]);
  // In memory where that is possible: the file store waits for the disk with each of a thousand chunks.
  bucket = await mkdtemp(join(existsSync("/dev/shm") ? "/dev/shm" : place.folder, "quern-bucket-"));
  shared = parsePartStore(`file:${bucket}`);
  const sharedLayers = openSharedLayers(shared, "file:bucket", KEYS);
  here = await testStore(place, { folder: join(place.folder, "here"), shared: sharedLayers });
  there = await testStore(place, { folder: join(place.folder, "there"), shared: sharedLayers });
});
afterAll(async () => {
  await Promise.all([here.stop(), there.stop()]);
  await Promise.all([place.stop(), cluster.remove(), rm(bucket, { recursive: true })]);
});

async function publishReal(name: string, parent: string | null): Promise<void> {
  const workspace = await here.workspace("real");
  await cp(cluster.directory, join(workspace, "data"), { recursive: true });
  await writeFile(join(workspace, "data", "only-here"), name);
  const made: Made = {
    org_id: place.org_id,
    state_key: keyOf(name),
    parent_key: parent === null ? null : keyOf(parent),
    env_key: keyOf("env"),
    depth: parent === null ? 0 : 1,
    directory: join(workspace, "data"),
    build_ms: 500,
    engine: "18.4",
    clone: "copy",
    volatile: [{ path: "a.sql", line: 3, what: "now" }],
    ttl_s: null,
    paths: ["a.sql"],
    steps: 1,
  };
  await here.publish(made);
}

test("a server starts from what another machine sent, and has all its rows", async () => {
  await publishReal("real", null);
  const sent = await here.exportLayer(place.org_id, keyOf("real"));
  expect(sent.bytes).toBeGreaterThan(5_000_000);
  expect((await there.find(place.org_id, [keyOf("real")], job)).known[0]?.state).toBe("exported");

  const layer = await there.importLayer(place.org_id, keyOf("real"));
  expect(layer).toMatchObject({ volatile: [{ what: "now" }], engine: "18.4" });
  const copy = join(place.folder, "run/pg");
  await mkdir(dirname(copy));
  await cp(layer!.directory, copy, { recursive: true });
  await cp(`${cluster.directory}.password`, `${copy}.password`);
  const { uid, gid } = await stat(cluster.directory);
  for (const path of ["", ...(await readdir(copy, { recursive: true }))])
    await chown(join(copy, path), uid, gid);
  const server = await startPostgres({ dataDir: copy, settings: { fsync: "off" } });
  const client = new pg.Client({ connectionString: server.url("postgres") });
  try {
    await client.connect();
    const { rows } = await client.query(
      "select count(*)::int as n, sum(length(s))::int as l from t",
    );
    expect(rows).toEqual([{ n: 20000, l: 990000 }]);
  } finally {
    await client.end();
    await server.stop("immediate");
  }
  expect(await readdir(join(there.folder, "tmp"))).toEqual([]);
});

test("a child sends only what its parent does not have, and nothing twice", async () => {
  const chunks = () => readdir(join(bucket, "chunks"), { recursive: true });
  const before = await chunks();
  await publishReal("child", "real");
  expect(await here.exportLayer(place.org_id, keyOf("child"))).toMatchObject({ sent: 0 });
  const files = (names: string[]) => names.filter((name) => name.length > 60);
  expect(files(before).length).toBeGreaterThan(200);
  expect(files(await chunks()).length).toBe(files(before).length + 1);
});

test("who misses a state takes it from the shared store before building it; a damaged one is built", async () => {
  await publishSmall(here, cluster, place, "good");
  const spoilt = await publishSmall(here, cluster, place, "spoilt");
  // Published layers are sent in the background, one after the other.
  await expect
    .poll(() => isExported(place.db, "file:bucket", place.org_id, keyOf("spoilt")))
    .toBe(true);
  const builds: string[] = [];
  const get = (name: string) =>
    there.single(
      place.org_id,
      keyOf(name),
      job,
      async () => {
        builds.push(name);
        return there.publish(await smallState(there, cluster, place, name));
      },
      never,
    );
  const good = await get("good");
  expect(builds).toEqual([]);
  expect((await readFile(join(good.directory, "base/1"))).length).toBe(20_000);

  const file = join(bucket, manifestKey(place.org_id, keyOf("spoilt")));
  const manifest = openManifest(await readFile(file, "utf8"), KEYS)!;
  const chunk = manifest.files.find(({ path }) => path === "base/1")!.chunks[0]!;
  await writeFile(
    join(bucket, chunkKey(chunk)),
    await readFile(
      join(bucket, chunkKey(manifest.files.find(({ path }) => path === "PG_VERSION")!.chunks[0]!)),
    ),
  );
  await expect(there.importLayer(place.org_id, keyOf("spoilt"))).rejects.toThrow(
    /not what it should be/,
  );
  // What was damaged is gone, so that the next export sends it again.
  expect(await here.exportLayer(place.org_id, keyOf("spoilt"))).toMatchObject({ sent: 1 });
  expect((await there.importLayer(place.org_id, keyOf("spoilt")))?.bytes).toBe(spoilt.bytes);

  await get("unknown");
  expect(builds).toEqual(["unknown"]);
});

test("a manifest that this installation did not sign, or of another state, is none", async () => {
  await publishSmall(here, cluster, place, "signed");
  await here.exportLayer(place.org_id, keyOf("signed"));
  const file = join(bucket, manifestKey(place.org_id, keyOf("signed")));
  const text = await readFile(file, "utf8");
  expect(openManifest(text, KEYS)?.engine).toBe("18.4");
  expect(openManifest(text.replace("18.4", "18.5"), KEYS)).toBeNull();
  expect(openManifest(text, [{ kid: "k1", key: Buffer.alloc(32, 2) }])).toBeNull();
  const other = join(bucket, manifestKey(place.org_id, keyOf("other")));
  await mkdir(dirname(other), { recursive: true });
  await writeFile(other, text);
  expect(await there.importLayer(place.org_id, keyOf("other"))).toBeNull();
});

test("the same through S3, and an import that is given up leaves nothing", async () => {
  const s3 = await startS3(place.folder);
  const store = parsePartStore(`s3://results/layers?endpoint=${s3.endpoint}&path_style=1`, {
    access_key_id: "S3RVER",
    secret_access_key: "S3RVER",
  });
  const through = openSharedLayers(store, "s3://results/layers/", KEYS);
  const [one, two] = await Promise.all([
    testStore(place, { folder: join(place.folder, "s3-one"), shared: through }),
    testStore(place, { folder: join(place.folder, "s3-two"), shared: through }),
  ]);
  try {
    const workspace = await one.workspace("x");
    await smallPgdata(cluster, join(workspace, "data"), 700_000);
    const made = await smallState(one, cluster, place, "s3");
    await one.publish({ ...made, directory: join(workspace, "data") });
    const sent = await one.exportLayer(place.org_id, keyOf("s3"));
    expect(sent).toMatchObject({ chunks: 5, sent: 0 });
    await expect(
      two.importLayer(place.org_id, keyOf("s3"), AbortSignal.abort(new Error("given up"))),
    ).rejects.toThrow("given up");
    expect(await readdir(join(two.folder, "tmp"))).toEqual([]);
    const layer = await two.importLayer(place.org_id, keyOf("s3"));
    expect((await readFile(join(layer!.directory, "base/1"))).length).toBe(700_000);
  } finally {
    await Promise.all([one.stop(), two.stop()]);
    await s3.close();
  }
});
