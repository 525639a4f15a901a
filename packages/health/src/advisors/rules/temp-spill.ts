import { metricSums } from "../facts-metrics.ts";
import { shortText, statementObject, statementSums } from "../facts-statements.ts";
import { confidenceOf, DAY_S, HOUR_S, lastSeconds, tooLittle } from "../facts-window.ts";
import { advice, fact, fixBy, found, judged, notEnough } from "../finding.ts";
import type { Found, Rule } from "../rule.ts";

const BLOCK = 8_192;
const MB = 1024 ** 2;
const PER_CALL = 64 * MB;
const PER_HOUR = 1024 ** 3;

export const rule: Rule = {
  id: "temp-spill",
  title: "Sorts and hashes spill to disk",
  category: "performance",
  explanation:
    "What does not fit into work_mem is written to temporary files and read again, which is many times slower than memory. work_mem is best raised for the statement, role or transaction in question: raised for all it is taken by every sort of every session.",
  source:
    "Own: 64 MB of temporary files per call of a statement, or 1 GB an hour in the database. work_mem is 4 MB by default.",
  weight: { info: 3, warning: 3, critical: 3 },
  caps: false,
  of: "database",
  every_s: 3_600,
  needs: ["statements"],
  engines: ["postgres"],
  async judge(subject) {
    const window = lastSeconds(subject, DAY_S);
    const sums = await statementSums(subject, window);
    const missing = tooLittle(sums.seconds, HOUR_S, "statistics of statements");
    if (missing) return missing;
    const confidence = confidenceOf(sums.seconds, DAY_S);
    const { statements } = sums;
    if (statements.length > 0 && statements.every((each) => each.temp_blocks_written === null))
      return notEnough("This agent does not send temporary blocks; Quern's own does.");
    const findings = statements.flatMap((statement): Found[] => {
      const bytes = ((statement.temp_blocks_written ?? 0) * BLOCK) / statement.calls;
      if (bytes < PER_CALL) return [];
      const evidence = [
        fact("temp_bytes_per_call", bytes, "bytes", PER_CALL),
        fact("calls", statement.calls),
        fact("mean_time_ms", statement.total_time_ms / statement.calls, "ms"),
        fact("query", shortText(statement.query), "sql"),
      ];
      const fix = fixBy(
        `set local work_mem = '${workMem(bytes)}MB'`,
        "Give this statement more memory, in its own transaction; or let it sort and hash less: an index in the order that is asked for, or fewer rows and columns.",
      );
      const more = { confidence, window, statement_id: statement.id, fix };
      return [found(statementObject(statement), "info", evidence, more)];
    });
    const { temp_bytes: all, temp_files: files } = await metricSums(
      subject,
      subject.database_id,
      ["temp_bytes", "temp_files"],
      window,
    );
    const rate = all && all.seconds >= HOUR_S ? (all.sum / all.seconds) * HOUR_S : 0;
    if (rate >= PER_HOUR) {
      const evidence = [
        fact("temp_bytes_per_hour", rate, "bytes", PER_HOUR),
        fact("temp_files", files?.sum ?? null),
      ];
      const words =
        "The statements that write most of it are on the page of statements, in the order of temporary blocks. Raise work_mem for them or their role.";
      const more = { confidence, window, fix: advice(words) };
      findings.push(found(subject.database_name, "info", evidence, more));
    }
    return judged(findings);
  },
};

/** In memory a sort takes two to three times what it takes on disk; at most 1 GB is proposed. */
function workMem(bytes: number): number {
  return Math.min(1_024, 2 ** Math.ceil(Math.log2((2 * bytes) / MB)));
}
