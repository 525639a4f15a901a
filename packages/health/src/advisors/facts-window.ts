/** Windows that rules look back over, and how much of them was observed. */
import { notEnough, say } from "./finding.ts";
import type { Judgement, Subject } from "./rule.ts";

export type Window = { from: Date; to: Date };

export const MINUTE_S = 60;
export const HOUR_S = 3_600;
export const DAY_S = 86_400;

export function lastSeconds({ now }: Subject, seconds: number): Window {
  return { from: new Date(now.getTime() - seconds * 1_000), to: now };
}

/** Points come a little apart from the window's ends; so much of what is wanted will do. */
const NEARLY = 0.95;

/** That less than `wanted_s` was observed ("3 of 14 days"), or undefined when it is enough. */
export function tooLittle(
  observed_s: number,
  wanted_s: number,
  of = "statistics of the database",
): Judgement | undefined {
  if (observed_s >= wanted_s * NEARLY) return undefined;
  const [unit, length] =
    wanted_s >= 2 * DAY_S
      ? (["days", DAY_S] as const)
      : wanted_s >= 2 * HOUR_S
        ? (["hours", HOUR_S] as const)
        : (["minutes", MINUTE_S] as const);
  const count = (seconds: number) => Math.floor(seconds / length);
  const values = { n: count(observed_s), of: count(wanted_s), what: of };
  return notEnough(say(WORDS[unit], values));
}

const WORDS = {
  days: "{n} of {of} days of {what} have come so far.",
  hours: "{n} of {of} hours of {what} have come so far.",
  minutes: "{n} of {of} minutes of {what} have come so far.",
};

/** How sure one can be that `observed_s` of a window of `whole_s` stands for all of it. */
export function confidenceOf(observed_s: number, whole_s: number): "high" | "medium" | "low" {
  const share = observed_s / whole_s;
  return share >= 0.8 ? "high" : share >= 0.25 ? "medium" : "low";
}

/** Seconds from a time of the server's to `at`; null for none and for infinity. Never negative. */
export function secondsSince(time: string | null | undefined, at: Date): number | null {
  const since = time == null ? Number.NaN : Date.parse(time);
  return Number.isNaN(since) ? null : Math.max(0, (at.getTime() - since) / 1_000);
}
