import { median } from "../facts-baseline.ts";
import { metricBuckets } from "../facts-metrics.ts";
import { HOUR_S, lastSeconds, tooLittle } from "../facts-window.ts";
import { advice, fact, found, judged, severityBy } from "../finding.ts";
import type { Rule } from "../rule.ts";

const BUCKET_S = 600;
const BLOCKS = 50_000;
const HIT = { info: 0.95, warning: 0.9, critical: 0.85 };
/** They keep pages elsewhere, so a miss in shared buffers is no read of a disk. */
const OTHER_CACHES = new Set(["aurora", "alloydb", "neon"]);

export const rule: Rule = {
  id: "cache-hit-ratio",
  title: "Few blocks are found in the cache",
  category: "performance",
  explanation:
    "Of the blocks that statements asked for, many were not in shared buffers and had to be fetched from the operating system or the disk. It is judged in windows of ten minutes with enough traffic, never over the life of the server.",
  source: "Dasha: below 95, 90 and 85 % in windows of 10 minutes with at least 50,000 blocks.",
  weight: { info: 3, warning: 8, critical: 15 },
  caps: false,
  of: "database",
  every_s: 600,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const window = lastSeconds(subject, HOUR_S);
    const buckets = await metricBuckets(
      subject,
      subject.database_id,
      ["blks_hit", "blks_read"],
      window,
      BUCKET_S,
    );
    const seconds = buckets.reduce((sum, bucket) => sum + bucket.seconds, 0);
    const missing = tooLittle(seconds, BUCKET_S, "statistics of the database");
    if (missing) return missing;
    const busy = buckets.flatMap(({ sums }) => {
      const [hit, read] = [sums.blks_hit ?? 0, sums.blks_read ?? 0];
      return hit + read >= BLOCKS ? [{ ratio: hit / (hit + read), read }] : [];
    });
    // A database that reads so little has nothing to gain from a cache.
    if (busy.length === 0) return judged([]);
    const ratio = median(busy.map((each) => each.ratio));
    const grave = severityBy(1 - ratio, {
      info: 1 - HIT.info,
      warning: 1 - HIT.warning,
      critical: 1 - HIT.critical,
    });
    if (grave === undefined || ratio >= HIT.info) return judged([]);
    const elsewhere = OTHER_CACHES.has(subject.provider);
    const evidence = [
      fact("hit_ratio", ratio, "ratio", HIT[grave]),
      fact("windows_judged", busy.length),
      fact(
        "blocks_read",
        busy.reduce((sum, { read }) => sum + read, 0),
      ),
    ];
    const words = elsewhere
      ? "This provider caches outside of shared buffers: the number is informative only."
      : "Look first for statements that read far more blocks than they return rows (an index may spare them); then whether shared_buffers, usually a quarter of the memory, is still at its default.";
    const more = {
      window,
      confidence: busy.length >= 3 && !elsewhere ? ("high" as const) : ("low" as const),
      fix: advice(words),
    };
    return judged([found(subject.database_name, elsewhere ? "info" : grave, evidence, more)]);
  },
};
