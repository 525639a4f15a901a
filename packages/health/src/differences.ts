/** Differences of raw counters, which may be beyond 2^53 though no difference of ours is. */
import type { Counter } from "@quern/contract/agent/values";
import type { Verdict } from "./epochs.ts";

/**
 * What a counter has grown by. Where counters were lost it has grown from zero. Null when that cannot be told: there is
 * no earlier value, it is another server's, or one of the two is unknown. A value below the one before was counted from
 * zero, whatever the marks say. Never negative.
 */
export function grownBy(
  before: Counter | null | undefined,
  after: Counter | null | undefined,
  counters: Verdict["counters"],
): number | null {
  if (after == null || counters === "other") return null;
  if (counters === "lost") return possible(Math.max(0, Number(after)));
  if (before == null) return null;
  const difference =
    typeof before === "number" && typeof after === "number"
      ? after - before
      : Number(BigInt(after) - BigInt(before));
  return possible(difference < 0 ? Math.max(0, Number(after)) : difference);
}

/** The same of a measure such as milliseconds. */
export function measureGrownBy(
  before: number | null | undefined,
  after: number | null | undefined,
  counters: Verdict["counters"],
): number | null {
  if (after == null || counters === "other") return null;
  if (counters === "lost") return possible(Math.max(0, after));
  if (before == null) return null;
  return possible(after < before ? Math.max(0, after) : after - before);
}

/** No interval has so many of anything, nor does a sum of such numbers fit: a counter wrapped, or somebody made it up. */
function possible(value: number): number | null {
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : null;
}

/** A gauge as PostgreSQL's bigint can keep it; null when unknown, or beyond what can be. */
export function asNumber(value: Counter | null | undefined): number | null {
  return value == null ? null : possible(Number(value));
}

/** An interval is a gap when it is so many times as long as usual. */
const GAP = 2.5;

export type Interval = { seconds: number; gap: boolean; clock_step: boolean; usual_s: number };

/**
 * The time between two readings of a section. Clocks may be set: where the agent's did not go on, or not as the server's
 * that it read, the one of the two that is nearer to how long ours went on says how long it was.
 */
export function intervalBetween(
  before: { taken_at: Date; server_time: Date | null; received_at: Date; usual_s: number | null },
  after: { taken_at: Date; server_time: Date | null; received_at: Date },
): Interval {
  const by = (name: "taken_at" | "server_time" | "received_at") => {
    const [from, to] = [before[name], after[name]];
    return from === null || to === null ? null : (to.getTime() - from.getTime()) / 1000;
  };
  const agents = by("taken_at")!;
  const servers = by("server_time");
  const ours = by("received_at")!;
  const clock_step =
    agents <= 0 || (servers !== null && servers > 0 && Math.abs(agents - servers) > STEP_S);
  const seconds = clock_step ? nearest(ours, [agents, servers]) : agents;
  const gap = before.usual_s !== null && seconds > GAP * before.usual_s;
  return { seconds, gap, clock_step, usual_s: gap ? before.usual_s! : seconds };
}

/** Of those that went on; how long ours did, where none. */
function nearest(ours: number, clocks: readonly (number | null)[]): number {
  const gone = clocks.flatMap((seconds) => (seconds !== null && seconds > 0 ? [seconds] : []));
  const [first = Math.max(1, ours)] = gone.sort(
    (left, right) => Math.abs(left - ours) - Math.abs(right - ours),
  );
  return first;
}

/** Clocks drift, and reading takes time; more than this is a step. */
const STEP_S = 30;
