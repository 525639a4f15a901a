/** The turn of one process to make a state that is not there. */
import { endBuild, takeBuild } from "@quern/store/layer-stores";
import { readReadyLayer } from "@quern/store/layers";
import type { Build, Layer } from "./layer-store.ts";
import type { Shop } from "./shop.ts";
import { type Others, untilAnswered } from "./single-flight.ts";

export type Turn = {
  org_id: string;
  key: Buffer;
  build: Build;
  /** Looks elsewhere before building; null when it is not there. */
  fetch: (signal: AbortSignal) => Promise<Layer | null>;
  onBuilt: (layer: Layer, ms: number) => void;
};

/**
 * Waits until the state is ready, whoever builds it, or until it is this process's turn, and then builds it. The turn
 * of a process that died goes to the next.
 */
export async function takeTurn(
  shop: Shop,
  turn: Turn,
  signal: AbortSignal,
  others: Others,
): Promise<void> {
  const { db, folder } = shop;
  const row = { store_id: folder.store_id, org_id: turn.org_id, state_key: turn.key };
  let mine = "";
  const isReady = async () =>
    (await readReadyLayer(db, row.store_id, row.org_id, row.state_key)) !== null;
  const whose = await untilAnswered(async () => {
    const taken = await shop.process.as((process_id) => {
      mine = process_id;
      return takeBuild(db, { ...row, process_id });
    });
    if (taken) return "mine";
    return (await isReady()) ? "theirs" : null;
  }, signal);
  if (whose === "theirs") return;
  try {
    // Whoever had the turn before may have published since the look that found nothing.
    if (await isReady()) return;
    await build(shop, turn, signal, others);
  } finally {
    await endBuild(db, { ...row, process_id: mine });
  }
}

async function build(shop: Shop, turn: Turn, signal: AbortSignal, others: Others): Promise<void> {
  const { instruments } = shop;
  if ((await turn.fetch(signal)) !== null) {
    instruments.builds.inc({ outcome: "imported" });
    return;
  }
  signal.throwIfAborted();
  const began = performance.now();
  try {
    const layer = await turn.build(signal, others);
    instruments.builds.inc({ outcome: "built" });
    instruments.buildSeconds.observe(layer.build_ms / 1000);
    turn.onBuilt(layer, performance.now() - began);
  } catch (error) {
    instruments.builds.inc({ outcome: signal.aborted ? "canceled" : "failed" });
    throw error;
  }
}
