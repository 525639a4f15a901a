import { serverOf } from "../facts.ts";
import { missingPart } from "../facts-server-parts.ts";
import { fact, fixBy, found, judged, severityBy } from "../finding.ts";
import type { Rule } from "../rule.ts";

const SHARE = { info: 0.5, warning: 0.6, critical: 0.8 };

export const rule: Rule = {
  id: "lock-table",
  title: "The table of locks is filling up",
  category: "locks",
  explanation:
    "Locks live in shared memory of a fixed size. When it is full every statement that needs one more fails with “out of shared memory”, whosever it is. Statements over hundreds of partitions and transactions that touch thousands of tables (pg_dump) take the most.",
  source:
    "Dasha: 50, 60 and 80 % of max_locks_per_transaction × (max_connections + max_prepared_transactions).",
  weight: { info: 5, warning: 25, critical: 60 },
  caps: false,
  of: "server",
  every_s: 60,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const { locks } = (await serverOf(subject))!.body;
    const capacity = Number(locks?.capacity ?? 0);
    if (locks === undefined || capacity === 0)
      return missingPart(subject, "server.locks", "the number of locks");
    const held = Number(locks.held);
    const severity = severityBy(held / capacity, SHARE);
    if (severity === undefined) return judged([]);
    const evidence = [
      fact("share_used", held / capacity, "ratio", SHARE[severity]),
      fact("locks", held),
      fact("capacity", capacity),
      fact("fast_path_locks", Number(locks.fast_path)),
    ];
    const words =
      "Find the transaction that holds the most, and let it touch fewer tables or partitions at a time. The limit can be doubled; it needs a restart.";
    const sql =
      "select pid, count(*) from pg_locks where not fastpath group by pid order by 2 desc limit 10;";
    return judged([found("", severity, evidence, { fix: fixBy(sql, words) })]);
  },
};
