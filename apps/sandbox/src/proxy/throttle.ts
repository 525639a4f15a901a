/** Makes guessing slow: each wrong password of an address or a name makes the next answer to it wait longer. */

const FIRST_MS = 100;
const LONGEST_MS = 5_000;
const FORGIVEN_MS = 600_000;
/** Beyond this the oldest are forgotten: what a stranger can make us remember is bounded. */
const REMEMBERED = 10_000;

export type Throttle = {
  /** How long to wait before answering, in milliseconds. */
  wait(keys: readonly string[]): number;
  failed(keys: readonly string[]): void;
  succeeded(keys: readonly string[]): void;
};

export function openThrottle(now: () => number = Date.now): Throttle {
  const failures = new Map<string, { count: number; at: number }>();
  const countOf = (key: string) => {
    const entry = failures.get(key);
    if (entry === undefined) return 0;
    if (now() - entry.at < FORGIVEN_MS) return entry.count;
    failures.delete(key);
    return 0;
  };
  return {
    wait(keys) {
      const worst = Math.max(...keys.map(countOf));
      return worst === 0 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** (worst - 1));
    },
    failed(keys) {
      for (const key of keys) {
        const count = countOf(key) + 1;
        failures.delete(key);
        failures.set(key, { count, at: now() });
      }
      for (const key of failures.keys()) {
        if (failures.size <= REMEMBERED) break;
        failures.delete(key);
      }
    },
    succeeded(keys) {
      for (const key of keys) failures.delete(key);
    },
  };
}
