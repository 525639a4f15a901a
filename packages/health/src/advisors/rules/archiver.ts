import { serverOf, settingsOf } from "../facts.ts";
import { metricSums } from "../facts-metrics.ts";
import { missingPart } from "../facts-server-parts.ts";
import { lastSeconds, MINUTE_S } from "../facts-window.ts";
import { advice, fact, found, judged, notApplicable } from "../finding.ts";
import type { Rule } from "../rule.ts";

export const rule: Rule = {
  id: "archiver",
  title: "WAL cannot be archived",
  category: "wal",
  explanation:
    "archive_command (or the archive library) fails, so no more WAL is in the archive: a restore ends at the last segment that got there. The server keeps what is not archived, and its disk fills.",
  source: "pgMonitor: failures, and the last failure later than the last success.",
  weight: { info: 10, warning: 40, critical: 80 },
  caps: true,
  of: "server",
  every_s: 60,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const mode = (await settingsOf(subject)).get("archive_mode");
    if (mode === "off") return notApplicable("WAL is not archived here (archive_mode is off).");
    const { archiver } = (await serverOf(subject))!.body;
    if (archiver == null) return missingPart(subject, "server.writes", "the state of the archiver");
    const window = lastSeconds(subject, 30 * MINUTE_S);
    const sums = await metricSums(subject, subject.server_id, ["archive_failed"], window);
    const failures = sums.archive_failed?.sum ?? 0;
    const failed = timeOf(archiver.last_failed_time);
    const archived = timeOf(archiver.last_archived_time);
    if (failures === 0 || failed === null || (archived !== null && archived >= failed))
      return judged([]);
    const evidence = [
      fact("failures", failures, "count", 0),
      fact("last_failed_at", archiver.last_failed_time, "time"),
      fact("last_archived_at", archiver.last_archived_time, "time"),
    ];
    const words =
      "The server's log has the command and what it answered. Usually the target is full, not reachable, or its credentials ran out. The server tries again by itself.";
    return judged([found("", "critical", evidence, { window, fix: advice(words) })]);
  },
};

function timeOf(time: string | null): number | null {
  const at = time === null ? Number.NaN : Date.parse(time);
  return Number.isNaN(at) ? null : at;
}
