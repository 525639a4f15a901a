/** A time range as the address of a page says it. */
import { t } from "../i18n/language.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Ranges that move with the clock, up to now. */
export const PRESETS = {
  "1h": { ms: HOUR, words: t("Last hour"), short: "1 h" },
  "6h": { ms: 6 * HOUR, words: t("Last 6 hours"), short: "6 h" },
  "24h": { ms: DAY, words: t("Last 24 hours"), short: "24 h" },
  "7d": { ms: 7 * DAY, words: t("Last 7 days"), short: t("7 d") },
  "30d": { ms: 30 * DAY, words: t("Last 30 days"), short: t("30 d") },
  "90d": { ms: 90 * DAY, words: t("Last 90 days"), short: t("90 d") },
} as const;
export type Preset = keyof typeof PRESETS;
const DEFAULT_PRESET: Preset = "24h";

export type Chosen = { preset: Preset } | { preset: null; from: string; to: string };

type Address = { range?: unknown; from?: unknown; to?: unknown };

/** The range that an address asks for; the last 24 hours where it asks for none that can be. */
export function chosenRange({ range, from, to }: Address): Chosen {
  const start = instant(from);
  const end = instant(to);
  if (start !== null && end !== null && start < end)
    return { preset: null, from: new Date(start).toISOString(), to: new Date(end).toISOString() };
  return { preset: isPreset(range) ? range : DEFAULT_PRESET };
}

/** The parts of an address for a range, undefined for those that it does not have. */
export function rangeAddress(chosen: Chosen): Record<"range" | "from" | "to", string | undefined> {
  const none = { range: undefined, from: undefined, to: undefined };
  if (chosen.preset === null) return { ...none, from: chosen.from, to: chosen.to };
  return { ...none, range: chosen.preset === DEFAULT_PRESET ? undefined : chosen.preset };
}

/** The range in which what is known since then can be seen: a young history would be a dot in the last 24 hours. */
export function rangeSince(first_seen_at: string, now: number): { range?: Preset } {
  const age = now - Date.parse(first_seen_at);
  if (age < HOUR) return { range: "1h" };
  return age < 6 * HOUR ? { range: "6h" } : {};
}

const isPreset = (text: unknown): text is Preset =>
  typeof text === "string" && Object.hasOwn(PRESETS, text);

function instant(text: unknown): number | null {
  const ms = typeof text === "string" ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}
