/** A layer store with its own database and folder. Only tests may import this file. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLog } from "@quern/runtime/log";
import { type Database, openDatabase } from "@quern/store/db";
import { freshDatabase, type TestDatabase } from "@quern/store/testing";
import { makeActor } from "@quern/store/testing-fixtures";
import { Registry } from "prom-client";
import { openLayerInstruments } from "../layers/instruments.ts";
import type { Layer, LayerStore, Made } from "../layers/layer-store.ts";
import {
  LAYER_TIMES,
  type LayerStoreOptions,
  startLayerStore,
} from "../layers/start-layer-store.ts";
import { keyOf } from "./keys.ts";
import { type RealCluster, smallPgdata } from "./pgdata.ts";

export type TestPlace = {
  db: Database;
  database: TestDatabase;
  folder: string;
  org_id: string;
  stop(): Promise<void>;
};

export async function testPlace(): Promise<TestPlace> {
  const database = await freshDatabase();
  const db = openDatabase(database.url, { max: 10 });
  const folder = await mkdtemp(join(tmpdir(), "quern-layers-"));
  const { org_id } = await makeActor(db, "editor");
  const stop = async () => {
    await db.destroy();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  };
  return { db, database, folder, org_id, stop };
}

export const GENEROUS = {
  max_bytes: 1e12,
  reserve_bytes: 0,
  high_watermark: 0.9,
  low_watermark: 0.8,
  min_age_s: 0,
};

/** A store in the place that does nothing by itself. */
export function testStore(
  { db, folder }: TestPlace,
  change: Partial<LayerStoreOptions> = {},
): Promise<LayerStore> {
  return startLayerStore({
    db,
    log: openLog("sandbox", "fatal"),
    folder: join(folder, "store"),
    limits: GENEROUS,
    instruments: openLayerInstruments(new Registry()),
    // Writing all that others wrote to this disk takes long.
    sync: async () => {},
    times: { ...LAYER_TIMES, sweep_ms: 1e8, sync_ms: 1e8 },
    ...change,
  });
}

/** A made state in a workspace of the store, a child of `parent`. */
export async function smallState(
  store: LayerStore,
  cluster: RealCluster,
  place: { org_id: string },
  name: string,
  change: Partial<Made> & { size?: number } = {},
): Promise<Made> {
  const { size, ...rest } = change;
  const workspace = await store.workspace(`state-${randomUUID().slice(0, 8)}`);
  return {
    org_id: place.org_id,
    state_key: keyOf(name),
    parent_key: null,
    env_key: keyOf("env"),
    depth: 0,
    directory: await smallPgdata(cluster, join(workspace, "data"), size),
    build_ms: 1000,
    engine: "18.4",
    clone: "copy",
    volatile: [],
    ttl_s: null,
    paths: [`${name}.sql`],
    steps: 1,
    ...rest,
  };
}

export async function publishSmall(
  store: LayerStore,
  cluster: RealCluster,
  place: { org_id: string },
  name: string,
  change: Partial<Made> & { size?: number } = {},
): Promise<Layer> {
  return store.publish(await smallState(store, cluster, place, name, change));
}
