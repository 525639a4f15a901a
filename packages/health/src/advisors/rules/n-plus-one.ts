import {
  type StatementSum,
  shortText,
  statementObject,
  statementSums,
} from "../facts-statements.ts";
import { HOUR_S, lastSeconds, MINUTE_S, tooLittle } from "../facts-window.ts";
import { advice, fact, found, judged } from "../finding.ts";
import type { Found, Rule } from "../rule.ts";

const PER_SECOND = 100;
const MEAN_MS = 1;
const ROWS = 1;
const SHARE = 0.1;

export const rule: Rule = {
  id: "n-plus-one",
  title: "A quick statement called very often",
  category: "performance",
  explanation:
    "A statement that returns at most one row is called so often that it makes up a large part of all calls. Often an application fetches a list and then each of its rows by itself: the time goes into round trips that no page of slow statements shows.",
  source: "Own: 100 calls a second, below 1 ms each, at most one row each, 10 % of all calls.",
  weight: { info: 2, warning: 2, critical: 2 },
  caps: false,
  of: "database",
  every_s: 3_600,
  needs: ["statements"],
  engines: ["postgres", "mysql", "mariadb"],
  async judge(subject) {
    const window = lastSeconds(subject, HOUR_S);
    const sums = await statementSums(subject, window);
    const missing = tooLittle(sums.seconds, 10 * MINUTE_S, "statistics of statements");
    if (missing) return missing;
    return judged(
      sums.statements.flatMap((statement): Found[] => {
        const { calls, total_time_ms, rows } = statement;
        const rate = calls / sums.seconds;
        if (!isSelect(statement) || rate < PER_SECOND || total_time_ms / calls >= MEAN_MS)
          return [];
        if (rows / calls > ROWS || calls / sums.calls < SHARE) return [];
        const evidence = [
          fact("calls_per_second", rate, "count", PER_SECOND),
          fact("share_of_calls", calls / sums.calls, "ratio", SHARE),
          fact("mean_time_ms", total_time_ms / calls, "ms", MEAN_MS),
          fact("rows_per_call", rows / calls, "count", ROWS),
          fact("query", shortText(statement.query), "sql"),
        ];
        const words =
          "Fetch all rows at once (a join, or `where id = any($1)`), let the object mapper load the relation eagerly, or cache what seldom changes.";
        const more = {
          confidence: "low" as const,
          window,
          statement_id: statement.id,
          fix: advice(words),
        };
        return [found(statementObject(statement), "info", evidence, more)];
      }),
    );
  },
};

/** The original agent does not say what a statement is. */
function isSelect({ kind, query }: StatementSum): boolean {
  return kind === "select" || (kind === null && /^\s*select\b/i.test(query ?? ""));
}
