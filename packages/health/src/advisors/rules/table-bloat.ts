import { judgeBloat } from "../bloat.ts";
import { fixBy } from "../finding.ts";
import type { Rule } from "../rule.ts";

export const rule: Rule = {
  id: "table-bloat",
  title: "Table with much empty space",
  category: "storage",
  explanation:
    "A large part of its pages holds nothing, most often because vacuum came too late once. New rows will fill it, but scans read it all until then.",
  source:
    "Estimate of ioguix; warning from 30 % and 100 MiB wasted, critical from 50 % and 1 GiB (awesome-prometheus-alerts, check_postgres). Without the right to estimate: twice the bytes a row of the least of 30 days.",
  weight: { info: 1, warning: 5, critical: 15 },
  caps: false,
  of: "database",
  every_s: 6 * 3600,
  needs: ["tables"],
  engines: ["postgres"],
  judge: (subject) =>
    judgeBloat(subject, {
      kind: "table",
      critical_share: 0.5,
      fixOf: (object) =>
        fixBy(
          `vacuum (verbose, analyze) ${object};`,
          "Lets new rows use the space again. To give it back to the disk, pg_repack or pg_squeeze rewrite the table while it is used; VACUUM FULL locks it for as long as that takes.",
        ),
    }),
};
