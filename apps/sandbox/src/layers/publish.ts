/** From a stopped builder's directory to a layer that everybody finds. */
import { randomUUID } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { insertLayer, type LayerRow, type NewLayer, refreshLayer } from "@quern/store/layers";
import { asCacheError, LayerRefused } from "./cache-error.ts";
import { finishEviction, forgetLost } from "./evict.ts";
import type { Layer, Made } from "./layer-store.ts";
import { manifestPath, manifestText, readManifest } from "./manifest.ts";
import { checkClean, codeOf, copyTree, syncFile, weigh } from "./pgdata.ts";
import { makeRoom } from "./room.ts";
import { type Shop, toLayer } from "./shop.ts";
import { asideOf, dataOf, homeOf, removeTree, writeWhole } from "./store-folder.ts";
import { takeAway } from "./take-away.ts";

const ATTEMPTS = 20;

/**
 * Checks, weighs and moves the directory, then makes it visible: the row comes after the rename, so that whatever dies
 * in between leaves a whole directory, which the next sweep adopts. Throws LayerRefused, and CacheError with the
 * directory still in its place.
 */
export async function publishLayer(
  shop: Shop,
  made: Made,
  { imported = false } = {},
): Promise<Layer> {
  const began = performance.now();
  await checkClean(made.directory);
  const parent =
    made.clone === "reflink" && made.parent_key !== null
      ? dataOf(shop.folder, made.org_id, made.parent_key)
      : null;
  const { bytes, own_bytes } = await weigh(made.directory, parent);
  await makeRoom(shop, { bytes: own_bytes, written: true, phase: "snapshot" });
  const layer = newLayer(shop, made, { bytes, own_bytes, imported });
  const aside = asideOf(shop.folder, shop.process.id(), "publish");
  try {
    await mkdir(aside, { mode: 0o700 });
    await moveData(made.directory, join(aside, "data"));
    await shop.passFailPoint("moved");
    await writeWhole(manifestPath(aside), manifestText(layer));
    await syncFile(aside);
    await shop.passFailPoint("manifest_written");
    const row = await takePlace(shop, layer, aside);
    shop.instruments.publishSeconds.observe((performance.now() - began) / 1000);
    return toLayer(shop, row);
  } catch (error) {
    throw asCacheError(error, "snapshot");
  } finally {
    await removeTree(aside);
  }
}

function newLayer(
  shop: Shop,
  made: Made,
  weight: { bytes: number; own_bytes: number; imported: boolean },
): NewLayer {
  const { directory, ...rest } = made;
  return {
    ...rest,
    ...weight,
    build_ms: Math.round(made.build_ms),
    store_id: shop.folder.store_id,
    build_id: randomUUID(),
    boot_id: shop.folder.boot_id,
  };
}

/** By rename; a mount point and another file system are copied, and stay with their owner. */
async function moveData(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (codeOf(error) === "ENOENT")
      throw new LayerRefused(`${from} is not there any more`, { cause: error });
    if (codeOf(error) !== "EXDEV" && codeOf(error) !== "EBUSY") throw error;
    await copyTree(from, to);
    if (codeOf(error) === "EXDEV") await rm(from, { recursive: true, force: true });
  }
}

/**
 * Gives the directory its final name and its row, or finds that another build was first. Each turn of the loop ends
 * one thing that was in the way: an eviction, a directory whose publisher died, a row whose directory is lost.
 */
async function takePlace(shop: Shop, layer: NewLayer, aside: string): Promise<LayerRow> {
  const home = homeOf(shop.folder, layer.org_id, layer.state_key);
  await mkdir(dirname(home), { recursive: true, mode: 0o700 });
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await renameInto(aside, home)) {
      await syncFile(dirname(home));
      await shop.passFailPoint("renamed");
      const row = await makeVisible(shop, layer);
      await shop.passFailPoint("inserted");
      if (row) return row;
      // Ours was adopted and has gone again, or gave way to an eviction that was under way.
      throw new LayerRefused("the layer was evicted as soon as it was published: build it again");
    }
    const row = await refreshLayer(shop.db, layer);
    const manifest = await readManifest(home);
    if (row && manifest?.build_id === row.build_id) return row;
    const adopted = manifest && !row ? await adopt(shop, manifest, home) : null;
    if (adopted) return adopted;
    if (!manifest) await discard(shop, home, null);
    else if (row) await forgetLost(shop, layer, row);
    await finishEviction(shop, layer);
  }
  throw new LayerRefused("the place of the layer did not become free: build it again");
}

async function renameInto(aside: string, home: string): Promise<boolean> {
  try {
    await rename(aside, home);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** The row of a directory that has its final name; null when it is not the layer's directory any more. */
async function makeVisible(shop: Shop, layer: NewLayer): Promise<LayerRow | null> {
  const home = homeOf(shop.folder, layer.org_id, layer.state_key);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const made = await insertLayer(shop.db, layer, () => isOf(home, layer));
    if (made.outcome === "inserted") return made.layer;
    if (made.outcome === "gone") return null;
    if (made.outcome === "other" && made.layer.build_id === layer.build_id) return made.layer;
    // The row is of an earlier directory, which is not there: ours has its name.
    if (made.outcome === "other") await finishEviction(shop, layer, made.layer);
    else await finishEviction(shop, layer);
    if (!(await isOf(home, layer))) return null;
  }
  return null;
}

async function isOf(home: string, { build_id }: { build_id: string }): Promise<boolean> {
  return (await readManifest(home))?.build_id === build_id;
}

/** A directory without a row: whoever published it died in between. Null when it is not to be trusted. */
export async function adopt(
  shop: Shop,
  manifest: NewLayer,
  home: string,
): Promise<LayerRow | null> {
  if (manifest.store_id !== shop.folder.store_id || manifest.boot_id !== shop.folder.boot_id) {
    await discard(shop, home, manifest.build_id);
    return null;
  }
  const made = await insertLayer(shop.db, manifest, () => isOf(home, manifest));
  if (!("layer" in made)) return null;
  return made.layer.build_id === manifest.build_id ? made.layer : null;
}

async function discard(shop: Shop, home: string, build_id: string | null): Promise<void> {
  const gone = await takeAway(shop.folder, home, build_id);
  if (gone) await removeTree(gone);
}
