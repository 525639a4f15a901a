/** One builder for a state, in this process by a promise, over processes by a row; everybody else waits for it. */
import { setTimeout as delay } from "node:timers/promises";

/** Who waits for a flight besides whoever began it. */
export type Others = {
  /** Whether two or more wait now. */
  wait(): boolean;
  /** Resolved when the second one has come, though it may have left again. */
  come: Promise<void>;
};

type Fly = (signal: AbortSignal, others: Others) => Promise<void>;

export type Flights = {
  /**
   * Waits for the flight of `key`, which `fly` begins when there is none. The flight is aborted when its last waiter
   * has left; its error is everybody's who waits.
   */
  board(key: string, fly: Fly, signal: AbortSignal): Promise<void>;
  running(): number;
  waiting(): number;
  /** Aborts all, and waits for them. */
  stop(): Promise<void>;
};

type Flight = {
  passengers: number;
  abort: AbortController;
  over: Promise<void>;
  joined: () => void;
};

export function openFlights(): Flights {
  const flights = new Map<string, Flight>();

  const begin = (key: string, fly: Fly): Flight => {
    const abort = new AbortController();
    let joined = () => {};
    const come = new Promise<void>((resolve) => {
      joined = resolve;
    });
    const others: Others = { wait: () => flight.passengers > 1, come };
    const flight: Flight = { passengers: 0, abort, over: Promise.resolve(), joined };
    flight.over = fly(abort.signal, others).finally(() => {
      if (flights.get(key) === flight) flights.delete(key);
    });
    // Whoever boarded hears of its failure; when all have left nobody does.
    flight.over.catch(() => undefined);
    flights.set(key, flight);
    return flight;
  };

  return {
    async board(key, fly, signal) {
      signal.throwIfAborted();
      // One that everybody has left is being aborted: it is over soon, and another begins.
      for (let old = flights.get(key); old?.abort.signal.aborted; old = flights.get(key))
        await settled(old.over, signal);
      const flight = flights.get(key) ?? begin(key, fly);
      flight.passengers += 1;
      if (flight.passengers > 1) flight.joined();
      try {
        await unlessAborted(flight.over, signal);
      } finally {
        flight.passengers -= 1;
        if (flight.passengers === 0) flight.abort.abort();
      }
    },
    running: () => flights.size,
    waiting: () =>
      [...flights.values()].reduce((sum, { passengers }) => sum + Math.max(0, passengers - 1), 0),
    async stop() {
      const all = [...flights.values()];
      for (const { abort } of all) abort.abort();
      await Promise.allSettled(all.map(({ over }) => over));
    },
  };
}

async function settled(work: Promise<void>, signal: AbortSignal): Promise<void> {
  await unlessAborted(
    work.catch(() => undefined),
    signal,
  );
}

/** Rejects with the reason of the signal when that comes first; the work goes on. */
export async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let leave: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    if (leave) signal.removeEventListener("abort", leave);
  }
}

const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 250;

/** Asks again and again, more and more rarely, until the answer is not null. */
export async function untilAnswered<T>(
  ask: () => Promise<T | null>,
  signal: AbortSignal,
): Promise<T> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 1.5, LONGEST_WAIT_MS)) {
    signal.throwIfAborted();
    const answer = await ask();
    if (answer !== null) return answer;
    await delay(wait * (0.8 + Math.random() * 0.4), undefined, { signal });
  }
}
