import { metricBuckets } from "../facts-metrics.ts";
import { DAY_S, lastSeconds, MINUTE_S, tooLittle } from "../facts-window.ts";
import { fact, fixBy, found, judged, notApplicable } from "../finding.ts";
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
    // MySQL counts them for the server, not for each database.
    const ofServer = subject.type !== "postgres";
    if (ofServer && !subject.is_main)
      return notApplicable("Counted for the whole server, and said at its main database.");
    const counted = ofServer ? subject.server_id : subject.database_id;
    const buckets = await metricBuckets(subject, counted, ["deadlocks"], window, BUCKET_S);
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
    const severity = most > PER_MINUTE ? "warning" : "info";
    const more = { window, fix: ofServer ? OF_MYSQL : OF_POSTGRES };
    return judged([found(ofServer ? "" : subject.database_name, severity, evidence, more)]);
  },
};

const OF_POSTGRES = fixBy(
  "alter system set log_lock_waits = on; select pg_reload_conf();",
  "Let all transactions take rows and tables in the same order (for example by primary key), keep them short, and try again on SQLSTATE 40P01. With log_lock_waits the log has the statements of both sides.",
);
const OF_MYSQL = fixBy(
  "set global innodb_print_all_deadlocks = on;",
  "Let all transactions take rows and tables in the same order (for example by primary key), keep them short, and try again on error 1213. With innodb_print_all_deadlocks the error log has the statements of both sides.",
);
