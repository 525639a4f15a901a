/** What processes that look for work have in common. */
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "./log.ts";

/** Wakes whoever waits, or the next who will. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves at a ring since the last call, or after `ms`. */
  async next(ms: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#rung = false;
    this.#wake = undefined;
  }
}

/** Does `work` over and over until the signal; after an error it waits a moment, since the database may be away. */
export async function repeat(
  signal: AbortSignal,
  log: Log,
  what: string,
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error }, `could not ${what}; trying again`);
      await delay(500 + Math.random() * 1000);
    }
  }
}
