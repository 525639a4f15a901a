import { LEAST_WEEKS, median, noBaseline, rateWeeks } from "../facts-baseline.ts";
import { metricSums } from "../facts-metrics.ts";
import { HOUR_S, lastSeconds, tooLittle } from "../facts-window.ts";
import { advice, fact, found, judged, notEnough, say, severityBy } from "../finding.ts";
import type { Rule } from "../rule.ts";

const TIMES = { info: 3, warning: 10 };
const PER_HOUR = 1024 ** 3;

export const rule: Rule = {
  id: "wal-rate",
  title: "Much more WAL than at this hour of earlier weeks",
  category: "wal",
  explanation:
    "All that changes goes through the WAL: to the disk, to the archive and to every replica. An unusual amount is a bulk load, a statement that updates far more rows than it should, or checkpoints that come too often.",
  source: "Own: 3 and 10 times the median of the same hour of the week, from 1 GB an hour on.",
  weight: { info: 3, warning: 10, critical: 10 },
  caps: false,
  of: "server",
  every_s: 900,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const missing = await noBaseline(subject, "health_metric_hours");
    if (missing) return missing;
    const window = lastSeconds(subject, HOUR_S);
    const sums = await metricSums(subject, subject.server_id, ["wal_bytes"], window);
    const { wal_bytes: wal } = sums;
    const little = tooLittle(wal?.seconds ?? 0, HOUR_S / 2, "statistics of WAL");
    if (little) return little;
    const weeks = await rateWeeks(subject, "wal_bytes");
    if (weeks.length < LEAST_WEEKS)
      return notEnough(
        say("This hour of the week was seen {n} of {of} times.", {
          n: weeks.length,
          of: LEAST_WEEKS,
        }),
      );
    const [usual, now] = [median(weeks), wal!.sum / wal!.seconds];
    // A server that was quiet has no times as much.
    const severity = severityBy(now / Math.max(usual, 1), TIMES);
    if (severity === undefined || now * HOUR_S < PER_HOUR) return judged([]);
    const evidence = [
      fact("wal_per_hour", now * HOUR_S, "bytes", PER_HOUR),
      fact("usual_wal_per_hour", usual * HOUR_S, "bytes"),
      fact(
        "times_as_much",
        now / Math.max(usual, 1),
        "ratio",
        TIMES[severity as keyof typeof TIMES],
      ),
      fact("weeks_compared", weeks.length),
    ];
    const words =
      "The page of statements in the order of WAL shows who writes it. Look whether replicas, slots and the archive keep up.";
    return judged([found("", severity, evidence, { window, fix: advice(words) })]);
  },
};
