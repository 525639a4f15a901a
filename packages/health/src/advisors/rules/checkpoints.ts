import { numberOf, settingsOf } from "../facts.ts";
import { metricSums } from "../facts-metrics.ts";
import { confidenceOf, DAY_S, HOUR_S, lastSeconds, tooLittle } from "../facts-window.ts";
import { fact, fixBy, found, judged, severityBy } from "../finding.ts";
import type { Found, Rule } from "../rule.ts";

const LEAST = 10;
const REQUESTED = { info: 0.05, warning: 0.1, critical: 0.2 };
const BUSY = 0.97;

export const rule: Rule = {
  id: "checkpoints",
  title: "Checkpoints come because the WAL is full",
  category: "wal",
  explanation:
    "A checkpoint should come by the clock. When max_wal_size is reached first, it comes early and more often: the same pages are written again and again, and each first change of a page after it puts the whole page into the WAL.",
  source:
    "Dasha: 5, 10 and 20 % requested, over 24 h with at least 10 checkpoints. Own: writing for 97 % of the time.",
  weight: { info: 5, warning: 20, critical: 40 },
  caps: false,
  of: "server",
  every_s: 3_600,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const window = lastSeconds(subject, DAY_S);
    const sums = await metricSums(
      subject,
      subject.server_id,
      [
        ...(["checkpoints_timed", "checkpoints_requested", "checkpoints_done"] as const),
        ...(["checkpoint_write_time_ms", "checkpoint_sync_time_ms", "wal_bytes"] as const),
      ],
      window,
    );
    const { checkpoints_timed: timed, checkpoints_requested: requested } = sums;
    const seconds = requested?.seconds ?? 0;
    const missing = tooLittle(seconds, HOUR_S, "statistics of checkpoints");
    if (missing) return missing;
    // One that is requested because the WAL is full is never skipped; one by time is, when nothing has changed.
    const both = (timed?.sum ?? 0) + (requested?.sum ?? 0);
    const all = Math.max(sums.checkpoints_done?.sum ?? both, requested?.sum ?? 0);
    const share = all === 0 ? 0 : (requested?.sum ?? 0) / all;
    const severity = all >= LEAST ? severityBy(share, REQUESTED) : undefined;
    const settings = await settingsOf(subject);
    const max_wal_mb = numberOf(settings, "max_wal_size", 1_024);
    const confidence = confidenceOf(seconds, DAY_S);
    const findings: Found[] = [];
    if (severity !== undefined) {
      const evidence = [
        fact("requested_share", share, "ratio", REQUESTED[severity]),
        fact("requested", requested?.sum ?? 0),
        fact("timed", all - (requested?.sum ?? 0)),
        fact("max_wal_size", max_wal_mb * 1024 ** 2, "bytes"),
        fact("wal_in_window", sums.wal_bytes?.sum ?? null, "bytes"),
      ];
      const words =
        "Raise max_wal_size so that the time (checkpoint_timeout) decides. It costs disk, and a longer recovery after a crash. Checkpoints asked for by back-ups or by hand count as requested, too.";
      const change = `alter system set max_wal_size = '${max_wal_mb * 2}MB';\nselect pg_reload_conf();`;
      const more = { window, confidence, fix: fixBy(change, words) };
      findings.push(found("requested", severity, evidence, more));
    }
    const writing = sumOf(sums.checkpoint_write_time_ms) + sumOf(sums.checkpoint_sync_time_ms);
    const busy = writing / (seconds * 1_000);
    if (busy >= BUSY && all >= LEAST) {
      const words =
        "The disks are busy with checkpoints without a pause: one is not over when the next is due. Spread them (checkpoint_timeout, max_wal_size), or find out what changes so many pages.";
      const evidence = [
        fact("share_of_time_writing", busy, "ratio", BUSY),
        fact("sync_time", sumOf(sums.checkpoint_sync_time_ms), "ms"),
      ];
      const change = "alter system set checkpoint_timeout = '15min';\nselect pg_reload_conf();";
      findings.push(
        found("writing", "info", evidence, { window, confidence, fix: fixBy(change, words) }),
      );
    }
    return judged(findings);
  },
};

function sumOf(metric: { sum: number } | undefined): number {
  return metric?.sum ?? 0;
}
