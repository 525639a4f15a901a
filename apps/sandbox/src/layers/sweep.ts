/** Rows and directories are made to agree, and what is to go goes. Any number of processes may sweep a store at once. */
import { stat } from "node:fs/promises";
import {
  beginEviction,
  distrustUnsynced,
  layersOfStore,
  leavingLayers,
  orgExists,
  readyLayers,
} from "@quern/store/layer-evictions";
import { forgetOldLayers, sweepProcesses } from "@quern/store/layer-stores";
import { forgetLost, removeLayer } from "./evict.ts";
import type { Swept } from "./layer-store.ts";
import { readManifest } from "./manifest.ts";
import { codeOf } from "./pgdata.ts";
import { adopt } from "./publish.ts";
import { keepWatermarks } from "./room.ts";
import type { Shop } from "./shop.ts";
import { homeOf, listHomes, listLeftovers, moveAside, removeTree } from "./store-folder.ts";
import { takeAway } from "./take-away.ts";

/** Layers that one sweep deletes at most: deleting is work for the disk that jobs wait for, too. */
const BUDGET = 50;

/** One sweep, in the order of urgency. */
export async function sweepStore(shop: Shop): Promise<Swept> {
  const began = performance.now();
  const { db, folder, instruments } = shop;
  const alive = await sweepProcesses(db, folder.store_id);
  const distrusted = await distrustUnsynced(db, folder.store_id, folder.boot_id);
  instruments.evictions.inc({ why: "unclean" }, distrusted);
  await expire(shop);
  const { evicted, freed_bytes } = await finishEvictions(shop);
  await findLost(shop);
  const { adopted, removed: homes } = await findUnknown(shop);
  const leftovers = await removeLeftovers(shop, alive);
  const forRoom = await shop.inTurn(() => keepWatermarks(shop, BUDGET));
  await forgetOldLayers(db);
  instruments.sweepDeletions.inc(evicted + homes + leftovers + forRoom);
  instruments.sweepSeconds.observe((performance.now() - began) / 1000);
  return { evicted: evicted + forRoom, freed_bytes, adopted, removed: homes + leftovers };
}

async function expire(shop: Shop): Promise<void> {
  const rows = await layersOfStore(shop.db, shop.folder.store_id);
  const expired = rows.filter((row) => row.expired && !row.leased && !row.pinned);
  for (const { id } of expired.slice(0, BUDGET)) {
    if (await beginEviction(shop.db, id, "expired"))
      shop.instruments.evictions.inc({ why: "expired" });
  }
}

/** What somebody asked to go, or was on its way when a process died. */
async function finishEvictions(shop: Shop): Promise<{ evicted: number; freed_bytes: number }> {
  let freed_bytes = 0;
  const leaving = await leavingLayers(shop.db, shop.folder.store_id, BUDGET);
  let evicted = 0;
  for (const { id } of leaving) {
    if (shop.stopping.signal.aborted) break;
    freed_bytes += await removeLayer(shop, id);
    evicted += 1;
  }
  return { evicted, freed_bytes };
}

async function findLost(shop: Shop): Promise<void> {
  for (const row of await readyLayers(shop.db, shop.folder.store_id)) {
    const home = homeOf(shop.folder, row.org_id, row.state_key);
    if (!(await isThere(home))) await forgetLost(shop, row, row);
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === "ENOENT") return false;
      throw error;
    },
  );
}

/** Directories without a row: whole ones get one, since their publisher only died before it could write it. */
async function findUnknown(shop: Shop): Promise<{ adopted: number; removed: number }> {
  const known = new Set(
    (await readyLayers(shop.db, shop.folder.store_id)).map((row) =>
      homeOf(shop.folder, row.org_id, row.state_key),
    ),
  );
  const counts = { adopted: 0, removed: 0 };
  for (const { org_id, path } of await listHomes(shop.folder)) {
    if (known.has(path)) continue;
    if (shop.stopping.signal.aborted) break;
    const manifest = await readManifest(path);
    const isKept =
      manifest !== null &&
      homeOf(shop.folder, org_id, manifest.state_key) === path &&
      (await orgExists(shop.db, org_id));
    if (isKept && (await adopt(shop, manifest, path))) {
      counts.adopted += 1;
      shop.log.info({ path }, "found a layer whose publisher had died");
    } else if (!isKept && counts.removed < BUDGET) {
      const gone = await takeAway(shop.folder, path, manifest?.build_id ?? null);
      if (gone && (await removeTree(gone))) counts.removed += 1;
    }
  }
  return counts;
}

async function removeLeftovers(shop: Shop, alive: ReadonlySet<string>): Promise<number> {
  let removed = 0;
  for (const path of (await listLeftovers(shop.folder, alive)).slice(0, BUDGET)) {
    if (shop.stopping.signal.aborted) break;
    // Out of its owner's sight first: should it live after all, it fails at once and publishes nothing.
    const gone = path.includes("/gone.") ? path : await moveAside(shop.folder, path);
    if (gone && (await removeTree(gone))) removed += 1;
  }
  return removed;
}
