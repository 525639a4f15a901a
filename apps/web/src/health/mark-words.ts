/** What makes a difference doubtful, in words. */
import type { HealthMark } from "@quern/contract/health/ranges";
import { t } from "../i18n/language.ts";

const WORDS: Record<HealthMark, { short: string; long: string }> = {
  reset: {
    short: t("Statistics reset"),
    long: t("Statistics were reset; what is shown was counted from there on."),
  },
  crash: {
    short: t("Crash"),
    long: t("The server crashed and lost its counters; what is shown was counted from there on."),
  },
  evicted: {
    short: t("Entries thrown out"),
    long: t("pg_stat_statements was full and threw entries out: sums are lower bounds."),
  },
  gap: {
    short: t("Gap"),
    long: t("Nothing came for a while; what happened meanwhile is spread over it."),
  },
  clock_step: {
    short: t("Clock set"),
    long: t("A clock was set, so the length of the interval is doubtful."),
  },
  first: { short: t("First reading"), long: t("There is nothing before it to compare with.") },
  failover: {
    short: t("Failover"),
    long: t(
      "A standby was promoted. If it is another server that answers now, this interval has no numbers.",
    ),
  },
  unknown: {
    short: t("Doubtful"),
    long: t("It cannot be told whether counters were lost, or another server answers than before."),
  },
};

/** Two words for beside an axis, and a sentence. */
export function markWords(mark: HealthMark): { short: string; long: string } {
  return WORDS[mark];
}
