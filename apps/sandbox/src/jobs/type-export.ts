import { unknownState } from "./job-failure.ts";
import type { JobWork } from "./job-work.ts";
import type { TypeWork } from "./types.ts";

/** Puts a known state into the store that machines share. */
export const exportState: TypeWork = async (shop, work) => {
  const key = stateKeyOf(work);
  work.progress.begin("publishing", "publishing");
  const sent = await shop.layers.exportLayer(work.job.org_id, key, work.signal);
  const { chunks, sent: chunks_sent, bytes, sent_bytes: bytes_sent } = sent;
  const facts = { state_key: key.toString("hex"), chunks, chunks_sent, bytes, bytes_sent };
  return { state_key: key, result: { type: "export", ...facts } };
};

/** Takes a state out of it. */
export const importState: TypeWork = async (shop, work) => {
  const key = stateKeyOf(work);
  work.progress.begin("publishing", "publishing");
  const layer = await shop.layers.importLayer(work.job.org_id, key, work.signal);
  if (layer === null) throw unknownState("The shared store does not have this state.");
  const facts = { state_key: key.toString("hex"), layer_id: layer.id, bytes: layer.bytes };
  return { state_key: key, result: { type: "import", ...facts } };
};

function stateKeyOf({ job }: JobWork): Buffer {
  if (job.spec.state_key === undefined) throw unknownState("The job names no state.");
  return Buffer.from(job.spec.state_key, "hex");
}
