/** Export in the background, import before a build, and their index. */
import { forgetExport, isExported, noteExport, readLayerOrigin } from "@quern/store/layer-exports";
import { readReadyLayer } from "@quern/store/layers";
import { asCacheError, CacheError } from "./cache-error.ts";
import type { Exported, Holder, Layer } from "./layer-store.ts";
import { leaseDeepest } from "./leases.ts";
import { publishLayer } from "./publish.ts";
import { makeRoom } from "./room.ts";
import { ImportRefused } from "./shared-fetch.ts";
import type { SharedLayers } from "./shared-layers.ts";
import { type Shop, toLayer, turns } from "./shop.ts";
import { asideOf, removeTree } from "./store-folder.ts";

export type Sharing = {
  /** Sends the layer when there is time; nothing when nothing is shared. */
  offer(layer: Layer): void;
  send(org_id: string, key: Buffer, signal?: AbortSignal): Promise<Exported>;
  /** Throws ImportRefused, CacheError and what the storage throws. */
  bring(org_id: string, key: Buffer, signal?: AbortSignal): Promise<Layer | null>;
  /** The same for who can build it instead: null for whatever reason it cannot be had. */
  bringIfGood(org_id: string, key: Buffer, signal: AbortSignal): Promise<Layer | null>;
  stop(): Promise<void>;
};

/** There is nothing to send, or nowhere. */
export class NothingToExport extends Error {
  override name = "NothingToExport";
  readonly code = "nothing_to_export";
}

export function openSharing(shop: Shop, shared: SharedLayers | null): Sharing {
  const stopping = new AbortController();
  // One after the other: two that send the same chunk at once get into each other's way.
  const inTurn = turns();

  const bring: Sharing["bring"] = async (org_id, key, signal = stopping.signal) => {
    if (!shared) return null;
    const there = await readReadyLayer(shop.db, shop.folder.store_id, org_id, key);
    if (there) return toLayer(shop, there);
    const into = asideOf(shop.folder, shop.process.id(), "import");
    const onSize = async (bytes: number) => {
      await makeRoom(shop, { bytes, written: false, phase: "import" });
    };
    try {
      const made = await shared.fetch(org_id, key, into, onSize, signal);
      await shop.passFailPoint("importing");
      if (!made) await forgetExport(shop.db, shared.name, org_id, key);
      return made && (await publishLayer(shop, made, { imported: true }));
    } catch (error) {
      if (error instanceof ImportRefused && error.damaged)
        await forgetExport(shop.db, shared.name, org_id, key);
      throw asCacheError(error, "import");
    } finally {
      await removeTree(into);
    }
  };

  return {
    offer({ id, org_id, state_key }) {
      if (!shared) return;
      const sending = inTurn(async () => {
        if (!stopping.signal.aborted) await send(shop, shared, org_id, state_key, stopping.signal);
      });
      sending.catch((error: unknown) => {
        if (!stopping.signal.aborted)
          shop.log.warn({ err: error, layer_id: id }, "could not export a layer");
      });
    },
    send(org_id, key, signal = stopping.signal) {
      return inTurn(() => send(shop, shared, org_id, key, signal));
    },
    bring,
    async bringIfGood(org_id, key, signal) {
      if (!shared || !(await isExported(shop.db, shared.name, org_id, key))) return null;
      return bring(org_id, key, signal).catch((error: unknown) => {
        // Without room there is none for a build either.
        if (signal.aborted || error instanceof CacheError) throw error;
        shop.log.warn({ err: error }, "could not import a layer; it is built instead");
        return null;
      });
    },
    async stop() {
      stopping.abort();
      await inTurn(async () => {});
    },
  };
}

async function send(
  shop: Shop,
  shared: SharedLayers | null,
  org_id: string,
  key: Buffer,
  signal: AbortSignal,
): Promise<Exported> {
  if (!shared) {
    throw new NothingToExport(
      "QUERN_SANDBOX_SHARED is not set, so that there is nowhere to export to.",
    );
  }
  const holder: Holder = { kind: "export", id: shop.process.id() };
  const { layer } = await leaseDeepest(shop, org_id, [key], holder);
  if (!layer) throw new NothingToExport("The state is not in this cache. Run the job again first.");
  const scratch = asideOf(shop.folder, shop.process.id(), "export");
  try {
    const origin = await readLayerOrigin(shop.db, layer.id);
    const exported = await shared.send(layer, origin, scratch, signal);
    await shop.passFailPoint("exporting");
    const { depth } = layer;
    const { bytes, chunks } = exported;
    await noteExport(shop.db, {
      shared: shared.name,
      org_id,
      state_key: key,
      depth,
      bytes,
      chunks,
    });
    shop.instruments.exportedBytes.inc(exported.sent_bytes);
    return exported;
  } finally {
    await removeTree(scratch);
    await layer.release();
  }
}
