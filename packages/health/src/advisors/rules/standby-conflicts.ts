import { metricSums } from "../facts-metrics.ts";
import { confidenceOf, DAY_S, HOUR_S, lastSeconds, tooLittle } from "../facts-window.ts";
import { fact, fixBy, found, judged, notApplicable } from "../finding.ts";
import type { Rule } from "../rule.ts";

export const rule: Rule = {
  id: "standby-conflicts",
  title: "Queries on the standby are cancelled",
  category: "replication",
  explanation:
    "A standby has to replay what the primary did, also when a query still needs what is removed. After max_standby_streaming_delay it cancels the query, which fails with “conflict with recovery”.",
  source: "Own: any in 24 h.",
  weight: { info: 5, warning: 5, critical: 5 },
  caps: false,
  of: "database",
  every_s: 3_600,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    if (subject.in_recovery === false) return notApplicable("This server is no standby.");
    const window = lastSeconds(subject, DAY_S);
    const sums = await metricSums(subject, subject.database_id, ["conflicts"], window);
    const { conflicts } = sums;
    const missing = tooLittle(conflicts?.seconds ?? 0, HOUR_S, "statistics of the database");
    if (missing) return missing;
    if (conflicts!.sum === 0) return judged([]);
    const words =
      "hot_standby_feedback lets the primary wait with removing (it may bloat while a query runs on the standby); max_standby_streaming_delay lets the standby wait with replaying (it lags).";
    const change = "alter system set hot_standby_feedback = on;\nselect pg_reload_conf();";
    const evidence = [fact("cancelled", conflicts!.sum, "count", 0)];
    const confidence = confidenceOf(conflicts!.seconds, DAY_S);
    const fix = fixBy(change, words);
    return judged([found(subject.database_name, "info", evidence, { window, confidence, fix })]);
  },
};
