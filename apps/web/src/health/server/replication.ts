/** How far replicas are behind, and what counters of a range come to. */
import type { ServerStats } from "@quern/contract/agent/server";
import type { SeriesAnswer } from "@quern/contract/health/ranges";
import { t } from "../../i18n/language.ts";
import type { Tone } from "../../words/tone.ts";

export type Replica = NonNullable<ServerStats["replicas"]>[number];

/** A counter as a number; null where it is not known. */
export const known = (value: string | number | null | undefined): number | null =>
  value == null ? null : Number(value);

/** From how much on a replica is late, and too late. */
const LATE = { bytes: 64 * 1024 ** 2, ms: 10_000 };
const TOO_LATE = { bytes: 1024 ** 3, ms: 60_000 };

export function replicaTone({ state, replay_lag_bytes, replay_lag_ms }: Replica): Tone {
  const [bytes, ms] = [known(replay_lag_bytes) ?? 0, known(replay_lag_ms) ?? 0];
  if (state !== null && state !== "streaming")
    return { words: stateWords(state), icon: "i-lucide-loader-circle", color: "warning" };
  if (bytes >= TOO_LATE.bytes || ms >= TOO_LATE.ms)
    return { words: t("far behind"), icon: "i-lucide-circle-alert", color: "error" };
  if (bytes >= LATE.bytes || ms >= LATE.ms)
    return { words: t("behind"), icon: "i-lucide-triangle-alert", color: "warning" };
  return { words: t("streams"), icon: "i-lucide-circle-check", color: "success" };
}

function stateWords(state: string): string {
  switch (state) {
    case "startup":
      return t("begins");
    case "catchup":
      return t("catches up");
    case "backup":
      return t("makes a base backup");
    case "stopping":
      return t("stops");
    default:
      return state;
  }
}

export function syncWords(sync: string | null): string {
  switch (sync) {
    case "sync":
      return t("synchronous");
    case "async":
      return t("asynchronous");
    case "potential":
      return t("may become synchronous");
    case "quorum":
      return t("in the quorum");
    default:
      return sync ?? "";
  }
}

/** How much a counter of `answer`, which is by the second, grew in its range; null when nothing is known of it. */
export function grown({ series, seconds }: SeriesAnswer, name: string): number | null {
  const values = series.find((each) => each.name === name)?.values ?? [];
  let sum: number | null = null;
  values.forEach((value, place) => {
    if (value !== null) sum = (sum ?? 0) + value * (seconds[place] ?? 0);
  });
  return sum;
}

/** The mean of a rate over the seconds that it is known for. */
export function meanRate(answer: SeriesAnswer, name: string): number | null {
  const values = answer.series.find((each) => each.name === name)?.values ?? [];
  const known_s = values.reduce<number>(
    (sum, value, place) => (value === null ? sum : sum + (answer.seconds[place] ?? 0)),
    0,
  );
  const total = grown(answer, name);
  return total === null || known_s === 0 ? null : total / known_s;
}

/** Counters of `names` as how many there were in each interval: what happens a few times an hour is no rate by the second. */
export function asCounts(answer: SeriesAnswer, names: readonly string[]): SeriesAnswer {
  const series = answer.series.flatMap(({ name, values }) => {
    if (!names.includes(name.replace(/:week$/, ""))) return [];
    const counted = values.map((value, place) =>
      value === null ? null : Math.round(value * (answer.seconds[place] ?? 0)),
    );
    return [{ name, unit: "count", values: counted }];
  });
  return { ...answer, series };
}

export type Checkpoints = { timed: number; requested: number; share: number };

/** Checkpoints of the range; `share` of them were asked for by too much WAL or by somebody. */
export function checkpointsOf(answer: SeriesAnswer): Checkpoints | null {
  const timed = grown(answer, "checkpoints_timed");
  const requested = grown(answer, "checkpoints_requested");
  if (timed === null || requested === null) return null;
  const all = timed + requested;
  return {
    ...{ timed: Math.round(timed), requested: Math.round(requested) },
    share: all < 0.5 ? 0 : requested / all,
  };
}
