/** The settings of the layer cache, for the process that keeps one. */
import { PART_STORE, parsePartStore } from "@quern/results/parts";
import type { S3Credentials } from "@quern/results/s3-store";
import { numberSetting, SettingsError } from "@quern/runtime/settings";
import type { Database } from "@quern/store/db";
import { readRunnerKeys, sharingKeys } from "@quern/store/keys";
import { usedBytes } from "@quern/store/layer-evictions";
import { z } from "zod";
import { type DiskSpace, diskSpace } from "./room.ts";
import { openSharedLayers, type SharedLayers } from "./shared-layers.ts";
import type { LayerLimits } from "./shop.ts";
import { openStoreFolder } from "./store-folder.ts";

const share = z
  .string()
  .regex(/^(0?\.\d{1,4}|1)$/, "must be a number from 0 to 1, like 0.9")
  .transform(Number);
const bytes = numberSetting({ min: 0, max: Number.MAX_SAFE_INTEGER });

export const layerSettings = {
  QUERN_SANDBOX_CACHE_BYTES: bytes
    .optional()
    .describe(
      "Bytes that layers of projects may take; 20 GiB or half of the free disk when left out, whichever is less",
    ),
  QUERN_SANDBOX_CACHE_RESERVE_BYTES: bytes
    .optional()
    .describe(
      "Bytes of that disk that layers leave free; 10 GiB or 5 % of the disk when left out, whichever is less",
    ),
  QUERN_SANDBOX_CACHE_HIGH: share
    .default(0.9)
    .describe("Above this share of their bytes, layers are evicted"),
  QUERN_SANDBOX_CACHE_LOW: share.default(0.8).describe("Down to this share"),
  QUERN_SANDBOX_CACHE_MIN_AGE_S: numberSetting({ min: 0, max: 86_400 })
    .default(60)
    .describe("Seconds that a layer stays at least"),
  QUERN_SANDBOX_SHARED: z
    .string()
    .regex(PART_STORE, "must be file:DIR or s3://BUCKET/PREFIX")
    .optional()
    .describe(
      "Where machines share layers, file:DIR or s3://BUCKET/PREFIX, with the credentials of QUERN_S3_ACCESS_KEY_ID; not shared when left out",
    ),
};

type LayerSettings = z.output<z.ZodObject<typeof layerSettings>>;

const GIB = 1024 ** 3;

/** The limits of a cache in `folder`. What the settings leave out is a share of the disk, what the cache has counted in. */
export async function layerLimits(
  settings: Omit<LayerSettings, "QUERN_SANDBOX_SHARED">,
  folder: string,
  db: Database,
  spaceOf: (path: string) => Promise<DiskSpace> = diskSpace,
): Promise<LayerLimits> {
  const { path, store_id } = await openStoreFolder(folder);
  const [{ total_bytes, free_bytes }, used] = await Promise.all([
    spaceOf(path),
    usedBytes(db, store_id),
  ]);
  const high_watermark = settings.QUERN_SANDBOX_CACHE_HIGH;
  return {
    max_bytes:
      settings.QUERN_SANDBOX_CACHE_BYTES ?? Math.min(20 * GIB, (free_bytes + used.bytes) / 2),
    reserve_bytes:
      settings.QUERN_SANDBOX_CACHE_RESERVE_BYTES ?? Math.min(10 * GIB, total_bytes * 0.05),
    high_watermark,
    low_watermark: Math.min(settings.QUERN_SANDBOX_CACHE_LOW, high_watermark),
    min_age_s: settings.QUERN_SANDBOX_CACHE_MIN_AGE_S,
  };
}

type SharedSettings = Pick<LayerSettings, "QUERN_SANDBOX_SHARED"> & {
  QUERN_KEYS?: string | undefined;
};

/** The shared store of the settings; null when nothing is shared. Throws SettingsError, KeysError, PartStoreError. */
export async function openSharedOf(
  { QUERN_SANDBOX_SHARED: setting, QUERN_KEYS: folder }: SharedSettings,
  credentials: S3Credentials | null,
): Promise<SharedLayers | null> {
  if (setting === undefined) return null;
  if (folder === undefined) {
    throw new SettingsError(
      "QUERN_SANDBOX_SHARED needs QUERN_KEYS, the folder with the key files: by them machines know that a layer is theirs.",
    );
  }
  const store = parsePartStore(setting, credentials);
  const name =
    store.kind === "file" ? `file:${store.directory}` : `s3://${store.bucket}/${store.prefix}`;
  return openSharedLayers(store, name, sharingKeys(await readRunnerKeys(folder)));
}
