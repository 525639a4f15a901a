import { metricSums } from "../facts-metrics.ts";
import { confidenceOf, DAY_S, HOUR_S, lastSeconds, tooLittle } from "../facts-window.ts";
import { advice, fact, found, judged } from "../finding.ts";
import type { Rule } from "../rule.ts";

/** pg_stat_io (17 and later the only source) counts the fsyncs of new files as well: an index that is built, a copied table. */
const PER_HOUR_WITH_NEW_FILES = 100;

export const rule: Rule = {
  id: "backend-fsyncs",
  title: "Sessions have to flush files themselves",
  category: "wal",
  explanation:
    "Flushing data files is the checkpointer's work. When the queue of what it has to flush is full, sessions flush by themselves and their statements wait for the disk.",
  source:
    "Up to 16 the server counts only what should never happen: any is a warning. Own: from 17 on more than 100 an hour, since new files count there, too.",
  weight: { info: 5, warning: 20, critical: 20 },
  caps: false,
  of: "server",
  every_s: 3_600,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const window = lastSeconds(subject, DAY_S);
    const names = ["buffers_backend_fsync", "buffers_backend", "buffers_checkpoint"] as const;
    const sums = await metricSums(subject, subject.server_id, names, window);
    const { buffers_backend_fsync: fsyncs } = sums;
    const seconds = fsyncs?.seconds ?? 0;
    const missing = tooLittle(seconds, HOUR_S, "statistics of writing");
    if (missing) return missing;
    const exact = (subject.version_num ?? 0) < 170_000;
    const rate = (fsyncs!.sum / seconds) * HOUR_S;
    if (fsyncs!.sum === 0 || (!exact && rate <= PER_HOUR_WITH_NEW_FILES)) return judged([]);
    const evidence = [
      fact("fsyncs", fsyncs!.sum, "count", 0),
      fact("fsyncs_per_hour", rate, "count", exact ? 0 : PER_HOUR_WITH_NEW_FILES),
      fact("blocks_written_by_sessions", sums.buffers_backend?.sum ?? null),
      fact("blocks_written_by_checkpoints", sums.buffers_checkpoint?.sum ?? null),
    ];
    const words =
      "Give the checkpointer a longer queue and less to do at once: larger shared_buffers, checkpoint_completion_target = 0.9, and bulk loads in smaller pieces.";
    const confidence = exact ? confidenceOf(seconds, DAY_S) : ("low" as const);
    const more = { window, confidence, fix: advice(words) };
    return judged([found("", exact ? "warning" : "info", evidence, more)]);
  },
};
