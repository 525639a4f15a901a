import { serverOf, settingsOf } from "../facts.ts";
import { metricSums } from "../facts-metrics.ts";
import { DAY_S, lastSeconds } from "../facts-window.ts";
import { advice, fact, found, judged, notApplicable, notEnough } from "../finding.ts";
import type { Rule } from "../rule.ts";

export const rule: Rule = {
  id: "checksum-failures",
  title: "Pages are damaged",
  category: "storage",
  explanation:
    "The server read a page whose checksum does not fit: the disk, its controller or the memory changed data. More pages may be damaged that nobody has read yet.",
  source: "PostgreSQL: pg_stat_database.checksum_failures; any is critical.",
  weight: { info: 0, warning: 0, critical: 100 },
  caps: true,
  of: "database",
  every_s: 300,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    if ((await settingsOf(subject)).get("data_checksums") === "off")
      return notApplicable("This server keeps no checksums of pages.");
    const { body: server } = (await serverOf(subject))!;
    const own = server.databases.find(({ name }) => name === subject.database_name);
    if (own === undefined) return notEnough("The agent has not sent counters of this database.");
    if (own.checksum_failures === null)
      return notApplicable("This server does not count checksum failures.");
    const window = lastSeconds(subject, 7 * DAY_S);
    const sums = await metricSums(subject, subject.database_id, ["checksum_failures"], window);
    // What was counted before the agent came counts as well: a damaged page does not heal.
    const failures = Math.max(Number(own.checksum_failures), sums.checksum_failures?.sum ?? 0);
    if (failures === 0) return judged([]);
    const words =
      "Stop writing if you can, take a file copy of the data directory, and check the last back-ups before they are rotated away. pg_amcheck and pg_checksums (server stopped) say what is damaged. Then fail over to a replica, or restore, and replace the hardware. pg_stat_reset() empties the counter when it is done.";
    const evidence = [
      fact("failures", failures, "count", 0),
      fact("failures_in_7_days", sums.checksum_failures?.sum ?? 0),
    ];
    return judged([found(subject.database_name, "critical", evidence, { fix: advice(words) })]);
  },
};
