import { setTimeout as delay } from "node:timers/promises";

/** Waits; ends early, and quietly, when the signal does. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if ((error as Error).name !== "AbortError") throw error;
  }
}
