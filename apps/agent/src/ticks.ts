import { pause } from "./pause.ts";

type Clock = { now: () => number; wait: (ms: number, signal: AbortSignal) => Promise<void> };

/**
 * Does `work` at the beginning of each interval until the signal. Work that takes longer than its interval costs the
 * turns that it overran, which are counted by `skipped`: they never pile up. `intervalMs` is asked anew each time.
 */
export async function everyInterval(
  intervalMs: () => number,
  signal: AbortSignal,
  work: () => Promise<void>,
  skipped: (turns: number) => void = () => {},
  { now, wait }: Clock = { now: () => performance.now(), wait: pause },
): Promise<void> {
  let due = now();
  while (!signal.aborted) {
    await work();
    const interval = intervalMs();
    due += interval;
    const late = now() - due;
    if (late >= 0) {
      const turns = Math.floor(late / interval) + 1;
      skipped(turns);
      due += turns * interval;
    }
    await wait(due - now(), signal);
  }
}
