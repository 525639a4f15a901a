import { metricBuckets } from "../facts-metrics.ts";
import { DAY_S, lastSeconds, MINUTE_S, tooLittle } from "../facts-window.ts";
import { fact, fixBy, found, judged } from "../finding.ts";
import type { Rule } from "../rule.ts";

const BUCKET_S = 5 * MINUTE_S;
const PER_MINUTE = 5;

export const rule: Rule = {
  id: "deadlocks",
  title: "Transactions deadlock",
  category: "locks",
  explanation:
    "Two transactions each held what the other waited for, and the server ended one of them. The application has to try it again, and until the server noticed (deadlock_timeout, a second by default) both stood still.",
  source: "postgres_exporter's mixin: any in a day, a warning from more than 5 a minute on.",
  weight: { info: 5, warning: 30, critical: 30 },
  caps: false,
  of: "database",
  every_s: 600,
  needs: ["server"],
  engines: ["postgres", "mysql", "mariadb"],
  async judge(subject) {
    const window = lastSeconds(subject, DAY_S);
    const { database_id } = subject;
    const buckets = await metricBuckets(subject, database_id, ["deadlocks"], window, BUCKET_S);
    const seconds = buckets.reduce((sum, bucket) => sum + bucket.seconds, 0);
    const missing = tooLittle(seconds, BUCKET_S);
    if (missing) return missing;
    const deadlocks = buckets.reduce((sum, { sums }) => sum + (sums.deadlocks ?? 0), 0);
    if (deadlocks === 0) return judged([]);
    const most = Math.max(
      ...buckets.map(({ sums }) => ((sums.deadlocks ?? 0) / BUCKET_S) * MINUTE_S),
    );
    const evidence = [
      fact("deadlocks", deadlocks, "count", 0),
      fact("most_per_minute", most, "count", PER_MINUTE),
    ];
    const words =
      "Let all transactions take rows and tables in the same order (for example by primary key), keep them short, and try again on SQLSTATE 40P01. With log_lock_waits the log has the statements of both sides.";
    const fix = fixBy("alter system set log_lock_waits = on; select pg_reload_conf();", words);
    const severity = most > PER_MINUTE ? "warning" : "info";
    const more = { window, fix: subject.type === "postgres" ? fix : { ...fix, sql: null } };
    return judged([found(subject.database_name, severity, evidence, more)]);
  },
};
