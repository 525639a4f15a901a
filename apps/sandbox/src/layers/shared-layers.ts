/**
 * Layers that machines share through object storage: `chunks/<aa>/<sha256>`, each 256 KiB of a file compressed, and
 * `layers/<org>/<state key>/manifest.json`, which comes last and is signed. Relations change in place, so that chunks at
 * fixed places are mostly those of the parent, and are sent once.
 */
import { deleteParts } from "@quern/results/part-writing";
import type { PartStore } from "@quern/results/parts";
import type { Exported, Layer, Made } from "./layer-store.ts";
import { fetchLayer, ImportRefused } from "./shared-fetch.ts";
import { manifestKey, type SentLayer, type SigningKey } from "./shared-manifest.ts";
import { sendLayer } from "./shared-send.ts";

export type SharedLayers = {
  /** Its location without credentials: what the index knows it by. */
  name: string;
  /** Sends what is not there yet; the manifest comes last. Files on their way are written below `scratch`. */
  send(layer: Layer, made: SentLayer, scratch: string, signal: AbortSignal): Promise<Exported>;
  /**
   * Brings a layer into the directory `<into>/data`, checked chunk by chunk; null when it is not there. `onSize` is
   * told of its bytes before anything is written. Throws ImportRefused; what was damaged is sent again some time.
   */
  fetch(
    org_id: string,
    key: Buffer,
    into: string,
    onSize: (bytes: number) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Made | null>;
};

/** Shares through `store`; the first key signs, all of them are believed. */
export function openSharedLayers(
  store: PartStore,
  name: string,
  keys: readonly SigningKey[],
): SharedLayers {
  return {
    name,
    send: (layer, made, scratch, signal) =>
      sendLayer({ store, keys, scratch, signal }, layer, made),
    async fetch(org_id, key, into, onSize, signal) {
      try {
        return await fetchLayer({ store, keys, scratch: into, signal }, org_id, key, onSize);
      } catch (error) {
        if (!(error instanceof ImportRefused && error.damaged)) throw error;
        await deleteParts(store, manifestKey(org_id, key));
        if (error.damaged !== "manifest") await deleteParts(store, error.damaged);
        throw error;
      }
    },
  };
}
