import { tablesOf, tableWork, tooShort } from "../facts-relations.ts";
import { advice, fact, fixBy, found, judged, notEnough } from "../finding.ts";
import { qualified } from "../names.ts";
import type { Fix, Rule } from "../rule.ts";

const HOURS = 24;
const UPDATES = 100_000;
const INFO = 0.65;
const WARNING = 0.5;
const NEW_PAGES = 0.1;
const FILLFACTOR = 85;
/** Less leaves pages half empty: then it is the indexes. */
const LEAST_FILLFACTOR = 70;

export const rule: Rule = {
  id: "hot-updates",
  title: "Updates that touch every index",
  category: "maintenance",
  explanation:
    "An update that changes no indexed column and finds room in its page is heap-only (HOT): indexes stay as they are, and the old version goes away without vacuum. Here most updates are not, so that each writes into every index and leaves bloat.",
  source:
    "From 100,000 updates a day: heap-only below 65 %, warning below 50 % (Dasha); or 10 % to new pages (16 and later).",
  weight: { info: 2, warning: 6, critical: 6 },
  caps: false,
  of: "database",
  every_s: 3600,
  needs: ["tables"],
  engines: ["postgres"],
  async judge(subject) {
    const work = await tableWork(subject, HOURS);
    const short = tooShort(work);
    if (short) return short;
    const tables = [...(await tablesOf(subject)).values()];
    if (tables.length > 0 && tables.every(({ n_tup_hot_upd }) => n_tup_hot_upd === undefined))
      return notEnough("This agent does not count heap-only updates; Quern's own does.");
    return judged(
      tables.flatMap(({ schema, table, options }) => {
        const { n_tup_upd, n_tup_hot_upd, n_tup_newpage_upd } = work.workOf(schema, table);
        if (n_tup_hot_upd === null) return [];
        const hot = n_tup_hot_upd / n_tup_upd;
        const fresh = n_tup_newpage_upd === null ? 0 : n_tup_newpage_upd / n_tup_upd;
        if (n_tup_upd < UPDATES || (hot >= INFO && fresh < NEW_PAGES)) return [];
        const severity = hot < WARNING ? "warning" : "info";
        const fillfactor = Number(options?.fillfactor ?? 100);
        const evidence = [
          fact("updates", n_tup_upd, "count", UPDATES),
          fact("heap_only_share", hot, "ratio", severity === "warning" ? WARNING : INFO),
          ...(n_tup_newpage_upd === null
            ? []
            : [fact("new_page_share", fresh, "ratio", NEW_PAGES)]),
          fact("fillfactor", fillfactor, "count"),
        ];
        const object = qualified({ schema, name: table });
        const window = { from: work.from, to: work.to };
        return [found(object, severity, evidence, { window, fix: fixOf(object, fillfactor) })];
      }),
    );
  },
};

function fixOf(object: string, fillfactor: number): Fix {
  if (fillfactor <= LEAST_FILLFACTOR)
    return advice(
      "Pages have room for updates already: drop an index of a column that is updated often, or leave that column out of one.",
    );
  return fixBy(
    `alter table ${object} set (fillfactor = ${Math.min(FILLFACTOR, fillfactor - 5)});`,
    "Leave room in pages for updates (it holds for pages written from now on), or drop an index of a column that is updated often.",
    true,
  );
}
