/** The second half of an eviction: the directory goes, then the row is a tombstone. */
import { stat } from "node:fs/promises";
import { endEviction, leavingLayers, noteLost } from "@quern/store/layer-evictions";
import { readManifest } from "./manifest.ts";
import { codeOf } from "./pgdata.ts";
import type { Shop } from "./shop.ts";
import { homeOf, removeTree } from "./store-folder.ts";
import { takeAway } from "./take-away.ts";

type Key = { org_id: string; state_key: Buffer };

/** Ends what is in the way of a key: an eviction that was begun, or a row (`lost`) whose directory is not there. */
export async function finishEviction(
  shop: Shop,
  key: Key,
  lost?: { id: string; build_id: string },
): Promise<void> {
  if (lost) await forgetLost(shop, key, lost);
  for (const leaving of await leavingLayers(shop.db, shop.folder.store_id, 1000)) {
    const same = leaving.org_id === key.org_id && leaving.state_key.equals(key.state_key);
    if (same) await removeLayer(shop, leaving.id);
  }
}

/**
 * Removes a layer whose row is `evicting`. Its directory is renamed while the row is locked, so that no other process
 * puts a new one in its place meanwhile, and deleted afterwards. Returns the bytes that are free now.
 */
export async function removeLayer(shop: Shop, id: string): Promise<number> {
  let gone: string | null = null;
  const ended = await endEviction(shop.db, id, async (layer) => {
    await shop.forget(layer.state_key);
    await shop.passFailPoint("evicting");
    const home = homeOf(shop.folder, layer.org_id, layer.state_key);
    const manifest = await readManifest(home);
    // Another build's directory stays: its publisher, or a sweep, gives it a row.
    if (manifest === null || manifest.build_id === layer.build_id)
      gone = await takeAway(shop.folder, home, manifest?.build_id ?? null);
    await shop.passFailPoint("directory_gone");
  });
  if (gone) await removeTree(gone);
  await shop.passFailPoint("evicted");
  if (!ended) return 0;
  shop.instruments.evictedBytes.inc(ended.bytes);
  shop.evicted(ended.bytes);
  return ended.bytes;
}

/** A row whose directory is not there, or is another build's, is a tombstone from now on. */
export async function forgetLost(
  shop: Shop,
  key: Key,
  row: { id: string; build_id: string },
): Promise<boolean> {
  const home = homeOf(shop.folder, key.org_id, key.state_key);
  const lost = await noteLost(shop.db, row, async () => {
    if (!(await isThere(home))) return true;
    const manifest = await readManifest(home);
    return manifest?.build_id !== row.build_id;
  });
  if (!lost) return false;
  shop.instruments.evictions.inc({ why: "lost" });
  shop.log.warn({ layer_id: row.id }, "the directory of a layer was gone");
  return true;
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
