import { settingsOf } from "../facts.ts";
import { metricSums } from "../facts-metrics.ts";
import { confidenceOf, DAY_S, HOUR_S, lastSeconds, tooLittle } from "../facts-window.ts";
import { fact, fixBy, found, judged, notApplicable } from "../finding.ts";
import type { Rule } from "../rule.ts";

const PAGE = 8_192;
const SHARE = 0.7;
const LEAST_PER_HOUR = 100 * 1024 ** 2;

export const rule: Rule = {
  id: "full-page-images",
  title: "Most of the WAL is whole pages",
  category: "wal",
  explanation:
    "The first change of a page after a checkpoint writes the whole page into the WAL, so that a page torn by a crash can be mended. When most of the WAL is such pages, checkpoints come too often, or random keys spread the changes over all pages.",
  source:
    "Own: at most 8 kB a page, more than 70 % of the WAL, from 100 MB an hour on (14 and later).",
  weight: { info: 3, warning: 3, critical: 3 },
  caps: false,
  of: "server",
  every_s: 3_600,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    if (subject.version_num !== null && subject.version_num < 140_000)
      return notApplicable("The server counts whole pages in the WAL from version 14 on.");
    const window = lastSeconds(subject, DAY_S);
    const names = ["wal_bytes", "wal_fpi"] as const;
    const { wal_bytes: wal, wal_fpi: pages } = await metricSums(
      subject,
      subject.server_id,
      names,
      window,
    );
    const seconds = Math.min(wal?.seconds ?? 0, pages?.seconds ?? 0);
    const missing = tooLittle(seconds, HOUR_S, "statistics of WAL");
    if (missing) return missing;
    const compressed = ((await settingsOf(subject)).get("wal_compression") ?? "off") !== "off";
    if (compressed)
      return notApplicable("Pages in the WAL are compressed here, so their share cannot be told.");
    const share = Math.min(1, (pages!.sum * PAGE) / wal!.sum);
    if ((wal!.sum / seconds) * HOUR_S < LEAST_PER_HOUR || share <= SHARE) return judged([]);
    const evidence = [
      fact("share_of_pages", share, "ratio", SHARE),
      fact("pages", pages!.sum),
      fact("wal_bytes", wal!.sum, "bytes"),
    ];
    const words =
      "Let checkpoints come less often (max_wal_size, checkpoint_timeout), compress the pages (it costs a little processor time), and prefer keys that grow, such as UUID version 7.";
    const change = "alter system set wal_compression = on;\nselect pg_reload_conf();";
    const more = { window, confidence: confidenceOf(seconds, DAY_S), fix: fixBy(change, words) };
    return judged([found("", "info", evidence, more)]);
  },
};
