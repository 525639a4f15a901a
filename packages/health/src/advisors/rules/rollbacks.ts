import { metricSums } from "../facts-metrics.ts";
import { HOUR_S, lastSeconds, MINUTE_S, tooLittle } from "../facts-window.ts";
import { advice, fact, found, judged } from "../finding.ts";
import type { Rule } from "../rule.ts";

const TRANSACTIONS = 1_000;
const RATIO = 0.1;

export const rule: Rule = {
  id: "rollbacks",
  title: "Many transactions are rolled back",
  category: "performance",
  explanation:
    "A transaction that is rolled back has done its work for nothing, and most are rolled back because a statement failed: a violated constraint, a timeout, a lock that did not come, or a client that gave up.",
  source:
    "postgres_exporter's mixin: more than 10 % of commits and rollbacks. Own: over an hour with at least 1,000 transactions.",
  weight: { info: 2, warning: 6, critical: 6 },
  caps: false,
  of: "database",
  every_s: 600,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const window = lastSeconds(subject, HOUR_S);
    const names = ["xact_commit", "xact_rollback"] as const;
    const sums = await metricSums(subject, subject.database_id, names, window);
    const missing = tooLittle(sums.xact_commit?.seconds ?? 0, 10 * MINUTE_S);
    if (missing) return missing;
    const rolledBack = sums.xact_rollback?.sum ?? 0;
    const transactions = (sums.xact_commit?.sum ?? 0) + rolledBack;
    const ratio = transactions === 0 ? 0 : rolledBack / transactions;
    if (transactions < TRANSACTIONS || ratio <= RATIO) return judged([]);
    const evidence = [
      fact("rollback_ratio", ratio, "ratio", RATIO),
      fact("rollbacks", rolledBack),
      fact("transactions", transactions, "count", TRANSACTIONS),
    ];
    const words =
      "The server's log has the error of each. Clients that end every read-only transaction with a rollback cause this, too: that is harmless, and a reason to mute this finding.";
    return judged([
      found(subject.database_name, "warning", evidence, { window, fix: advice(words) }),
    ]);
  },
};
