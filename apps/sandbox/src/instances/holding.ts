/** One instance that a person keeps, in the process that has its server: begun, reset and ended together with its row. */
import type { InstanceEnd } from "@quern/contract/instances";
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import { noteEnded, noteRunning } from "@quern/store/instance-keeping";
import { SandboxError } from "../sandbox-error.ts";
import type { Ended, Instance, Instances, ResolvedEnvironment } from "./instances.ts";
import type { InstanceLimits } from "./limits.ts";

export type KeepRequest = {
  org_id: string;
  owner_id: string;
  /** What the person calls it; null: a name is made up. */
  name: string | null;
  project_id: string | null;
  job_id: string | null;
  state_key: Buffer;
  environment: ResolvedEnvironment;
  /** Null: the organisation's default. */
  ttl_s: number | null;
  limits?: Partial<InstanceLimits>;
  /** The state it begins with, and goes back to. Released when the instance has ended, started or not. */
  layer: { directory: string; release(): Promise<void> };
  /** Gives up its start, not what comes after. */
  signal?: AbortSignal;
};

export type Holding = {
  id: string;
  request: KeepRequest;
  /** Null while a reset replaces it. */
  instance: Instance | null;
  ending: boolean;
};

export type HoldingShop = {
  db: Database;
  instances: Pick<Instances, "start">;
  held: Map<string, Holding>;
  log: Log;
};

/** Throws SandboxError when it does not start. */
export async function beginHolding(
  shop: HoldingShop,
  holding: Holding,
  signal?: AbortSignal,
): Promise<Instance> {
  const { request, id } = holding;
  const instance = await shop.instances.start({
    from: request.layer.directory,
    key: request.state_key,
    environment: request.environment,
    purpose: "person",
    limits: request.limits ?? {},
    holder: { kind: "person", id },
    ...(signal && { signal }),
  });
  holding.instance = instance;
  instance.exited.then((ended) => {
    // A reset takes the server away on purpose.
    if (holding.instance !== instance) return;
    endHolding(shop, holding, endOf(ended), ended.detail).catch((error) =>
      shop.log.warn({ err: error, id }, "an instance could not be ended"),
    );
  });
  return instance;
}

export async function endHolding(
  { db, held }: HoldingShop,
  holding: Holding,
  reason: InstanceEnd,
  detail: string,
): Promise<void> {
  // Also when it is ending already: one that was still starting then has a server only now.
  const { instance } = holding;
  holding.instance = null;
  await instance?.destroy();
  if (holding.ending) return;
  holding.ending = true;
  held.delete(holding.id);
  await holding.request.layer.release();
  await noteEnded(db, holding.id, reason, detail);
}

/** Back to the state it began with, under the same name and logins. */
export async function resetHolding(shop: HoldingShop, holding: Holding): Promise<void> {
  const { instance } = holding;
  holding.instance = null;
  await instance?.destroy();
  try {
    await beginHolding(shop, holding);
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    await endHolding(shop, holding, "not_started", error.message);
    return;
  }
  if (await noteRunning(shop.db, holding.id, true)) return;
  await endHolding(shop, holding, "stopped", "It was ended.");
}

function endOf({ reason }: Ended): InstanceEnd {
  if (reason === "disk_limit" || reason === "memory_limit") return reason;
  if (reason === "wall_clock") return "expired";
  return reason === "crashed" ? "crashed" : "stopped";
}
