/** Room for layers: the strict limits of the cache, and what is evicted to stay within them. */
import { statfs } from "node:fs/promises";
import {
  beginEviction,
  layersOfStore,
  raiseInflation,
  usedBytes,
} from "@quern/store/layer-evictions";
import { CacheError, type CacheFigures, type CachePhase } from "./cache-error.ts";
import { removeLayer } from "./evict.ts";
import { type EvictionPlan, planEviction } from "./eviction-plan.ts";
import type { Room } from "./layer-store.ts";
import type { LayerLimits, Shop } from "./shop.ts";

export type Need = {
  /** Bytes that a new layer takes. */
  bytes: number;
  /** Whether they are on the disk already, and only count against the cache's own limit. */
  written: boolean;
  phase: CachePhase;
};

export type DiskSpace = { total_bytes: number; free_bytes: number };

type Measured = DiskSpace & { layers: number; used_bytes: number; effective_max_bytes: number };

/** At most so many layers are deleted by one call: somebody waits for it. */
const MAX_VICTIMS = 200;

/** Evicts until `need` fits below the high watermark and above the reserve; then on to the low one. Throws CacheError. */
export async function makeRoom(shop: Shop, need: Need): Promise<Room> {
  return shop.inTurn(() => evictFor(shop, need));
}

async function evictFor(shop: Shop, need: Need): Promise<Room> {
  const { limits } = shop;
  let now = await measure(shop, need.phase);
  if (need.bytes > now.effective_max_bytes * limits.high_watermark)
    throw counted(shop, tooSmall(now, limits, need));
  for (;;) {
    if (excess(now, limits, need, limits.high_watermark) <= 0) return now;
    const plan = await evictSome(
      shop,
      excess(now, limits, need, limits.low_watermark),
      MAX_VICTIMS,
    );
    now = await measure(shop, need.phase);
    // Some may have been leased since the plan was made: then others go. Without any, waiting is all there is.
    if (plan.victims.length > 0) continue;
    if (excess(now, limits, need, limits.high_watermark) <= 0) return now;
    throw counted(shop, full(now, limits, need, plan));
  }
}

/** Down to the low watermark when above the high one; never throws for want of room. */
export async function keepWatermarks(shop: Shop, budget: number): Promise<number> {
  const now = await measure(shop, "metadata_commit");
  const nothing: Need = { bytes: 0, written: true, phase: "metadata_commit" };
  if (excess(now, shop.limits, nothing, shop.limits.high_watermark) <= 0) return 0;
  const wanted = excess(now, shop.limits, nothing, shop.limits.low_watermark);
  return (await evictSome(shop, wanted, budget)).victims.length;
}

async function evictSome(shop: Shop, bytes: number, max_victims: number): Promise<EvictionPlan> {
  const { db, folder, limits, log } = shop;
  const rows = await layersOfStore(db, folder.store_id);
  const plan = planEviction(rows, { free_bytes: bytes, min_age_s: limits.min_age_s, max_victims });
  for (const victim of plan.victims) {
    if (shop.stopping.signal.aborted) break;
    // Leased since the plan was made: it stays.
    if (!(await beginEviction(db, victim.id, "capacity"))) continue;
    await raiseInflation(db, folder.store_id, victim.priority);
    await removeLayer(shop, victim.id);
    shop.instruments.evictions.inc({ why: "capacity" });
    log.info({ layer_id: victim.id, bytes: victim.bytes }, "evicted a layer for room");
  }
  return plan;
}

export async function measure(shop: Shop, phase: CachePhase): Promise<Measured> {
  const [disk, { layers, bytes: used_bytes }] = await Promise.all([
    diskSpace(shop.folder.path).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      throw new CacheError(
        "cache_enforcement_unavailable",
        phase,
        `The free space of ${shop.folder.path} cannot be read (${message}), so nothing is kept: check that its disk is there.`,
        {},
        { cause: error },
      );
    }),
    usedBytes(shop.db, shop.folder.store_id),
  ]);
  return { ...disk, layers, used_bytes, effective_max_bytes: effectiveMax(shop.limits, disk) };
}

export async function diskSpace(path: string): Promise<DiskSpace> {
  const { bsize, blocks, bavail } = await statfs(path);
  return { total_bytes: bsize * blocks, free_bytes: bsize * bavail };
}

export function effectiveMax(
  { max_bytes, reserve_bytes }: LayerLimits,
  { total_bytes }: DiskSpace,
): number {
  return Math.max(0, Math.min(max_bytes, total_bytes - reserve_bytes));
}

/** Bytes to evict so that the need fits below the watermark and above the reserve. */
function excess(now: Measured, limits: LayerLimits, need: Need, watermark: number): number {
  const over = now.used_bytes + need.bytes - now.effective_max_bytes * watermark;
  const short = limits.reserve_bytes + (need.written ? 0 : need.bytes) - now.free_bytes;
  return Math.max(over, short);
}

function figuresOf(now: Measured, limits: LayerLimits, need: Need): CacheFigures {
  return {
    used_bytes: now.used_bytes,
    needed_bytes: need.bytes,
    effective_max_bytes: Math.floor(now.effective_max_bytes),
    free_bytes: now.free_bytes,
    reserve_bytes: limits.reserve_bytes,
  };
}

function tooSmall(now: Measured, limits: LayerLimits, need: Need): CacheError {
  const recommended = Math.ceil((need.bytes / limits.high_watermark) * 1.5);
  return new CacheError(
    "cache_limit_too_small",
    need.phase,
    `This state takes ${size(need.bytes)}, and the layer cache may hold ${size(now.effective_max_bytes)}. Set QUERN_SANDBOX_CACHE_BYTES to ${recommended} or more, on a disk that has the room.`,
    {
      ...figuresOf(now, limits, need),
      observed_required_bytes: need.bytes,
      recommended_min_bytes: recommended,
    },
  );
}

function full(now: Measured, limits: LayerLimits, need: Need, plan: EvictionPlan): CacheError {
  const above = now.used_bytes + need.bytes > now.effective_max_bytes * limits.high_watermark;
  const { in_use, pinned, too_young } = plan.kept;
  const held = `${size(in_use)} are in use, ${size(pinned)} are pinned, ${size(too_young)} are younger than ${limits.min_age_s} s.`;
  const what = above
    ? `The layer cache holds ${size(now.used_bytes)} of ${size(now.effective_max_bytes)}, and ${size(need.bytes)} more do not fit`
    : `The disk of the layer cache has ${size(now.free_bytes)} free, and ${size(limits.reserve_bytes)} are kept in reserve`;
  return new CacheError(
    "cache_full_unreclaimable",
    need.phase,
    `${what}: ${held} Try again later, unpin layers, ${above ? "raise QUERN_SANDBOX_CACHE_BYTES" : "free space on that disk"}.`,
    {
      ...figuresOf(now, limits, need),
      reason: above ? "usage_above_high_watermark" : "physical_free_below_reserve",
      kept: plan.kept,
    },
  );
}

function counted(shop: Shop, error: CacheError): CacheError {
  shop.instruments.refusals.inc({ code: error.code });
  return error;
}

function size(bytes: number): string {
  if (bytes < 1024 ** 2) return `${Math.ceil(bytes / 1024)} KiB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
