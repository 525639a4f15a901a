/** Whose the examples become: the first admin's. */
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createClient, UnreachableError } from "@quern/contract/client";
import type { Actor } from "@quern/store/actor";
import type { Database } from "@quern/store/db";
import { firstAdmin } from "@quern/store/members";
import { createToken, deleteToken } from "@quern/store/tokens";

/** Waits until there is an admin and `ready` says so. Undefined when `signal` aborts before. */
export async function awaitAdmin(
  db: Database,
  signal: AbortSignal,
  pause_ms: number,
  ready: () => Promise<boolean> = async () => true,
): Promise<Actor | undefined> {
  while (!signal.aborted) {
    const admin = await firstAdmin(db);
    if (admin && (await ready())) return admin;
    await delay(pause_ms, undefined, { signal }).catch(ignoreAbort);
  }
  return undefined;
}

/** Lends `work` a client that acts as `admin`, by a token that is deleted afterwards. Returns early when `signal` aborts. */
export async function actAs(
  db: Database,
  admin: Actor,
  apiUrl: string,
  signal: AbortSignal,
  work: (api: Client) => Promise<void>,
): Promise<void> {
  const { id, token } = await createToken(db, admin, "Examples", 1);
  try {
    await work(createClient(apiUrl, token));
  } catch (error) {
    // The API goes with us when Quern stops.
    if (!(signal.aborted && (error instanceof UnreachableError || isAbort(error)))) throw error;
  } finally {
    await deleteToken(db, admin, id);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

function ignoreAbort(error: unknown): void {
  if (!isAbort(error)) throw error;
}
