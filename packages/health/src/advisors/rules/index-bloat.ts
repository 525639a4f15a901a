import { judgeBloat } from "../bloat.ts";
import { fixBy } from "../finding.ts";
import type { Rule } from "../rule.ts";

export const rule: Rule = {
  id: "index-bloat",
  title: "Index with much empty space",
  category: "storage",
  explanation:
    "A large part of its pages holds nothing. It takes more memory and disk than it needs, and reading it takes longer.",
  source:
    "Estimate of ioguix; warning from 30 % and 100 MiB wasted, critical from 60 % and 1 GiB (PgHero, awesome-prometheus-alerts). Without the right to estimate: twice the bytes a row of the least of 30 days.",
  weight: { info: 1, warning: 5, critical: 15 },
  caps: false,
  of: "database",
  every_s: 6 * 3600,
  needs: ["indexes"],
  engines: ["postgres"],
  judge: (subject) =>
    judgeBloat(subject, {
      kind: "index",
      critical_share: 0.6,
      fixOf: (object) =>
        fixBy(
          `reindex index concurrently ${object};`,
          "Builds it anew beside the old one, which needs disk for both; writes go on.",
        ),
    }),
};
