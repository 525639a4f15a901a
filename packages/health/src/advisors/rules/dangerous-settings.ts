import type { Severity } from "@quern/contract/health/findings";
import { settingsOf } from "../facts.ts";
import { fact, fixBy, found, judged, notEnough } from "../finding.ts";
import type { Found, Rule } from "../rule.ts";

/** What a setting should never be for long, by name. */
const DANGERS: Record<string, { severity: Severity; words: string }> = {
  fsync: {
    severity: "critical",
    words: "After a crash of the machine the database may be damaged beyond repair.",
  },
  full_page_writes: {
    severity: "critical",
    words: "A page that was half written when the machine crashed stays damaged.",
  },
  autovacuum: {
    severity: "critical",
    words: "Tables bloat, statistics age, and in the end the server stops against wraparound.",
  },
  track_counts: {
    severity: "critical",
    words: "Autovacuum does not know what changed and never comes.",
  },
  track_activities: {
    severity: "info",
    words: "Nobody can see what sessions do, and neither can this page.",
  },
  ignore_checksum_failure: {
    severity: "warning",
    words: "Damaged pages are read as if nothing were wrong.",
  },
  zero_damaged_pages: {
    severity: "critical",
    words: "Damaged pages are emptied when they are read: their rows are gone for good.",
  },
};
/** They are for a session that looks for something, not for all. Two are off by default. */
const PLANNER = /^enable_(?!partitionwise_)/;
/** All but these two are on when all is well. */
const OFF_IS_RIGHT = new Set(["ignore_checksum_failure", "zero_damaged_pages"]);

export const rule: Rule = {
  id: "dangerous-settings",
  title: "A setting puts data or operation at risk",
  category: "maintenance",
  explanation:
    "Some settings are there for tests and repairs alone. Left as they are they cost data at the next crash, or stop the work without which a database does not stay healthy.",
  source: "The documentation of PostgreSQL; pganalyze for enable_* and track_activities.",
  weight: { info: 3, warning: 30, critical: 80 },
  caps: true,
  of: "server",
  every_s: 600,
  needs: ["settings"],
  engines: ["postgres"],
  async judge(subject) {
    const settings = await settingsOf(subject);
    if (!settings.has("fsync"))
      return notEnough("This agent sends a few settings alone; Quern's own sends all.");
    return judged(
      [...settings].flatMap(([name, value]): Found[] => {
        const danger = DANGERS[name] ?? (PLANNER.test(name) ? PLANNER_DANGER : undefined);
        const right = OFF_IS_RIGHT.has(name) ? "off" : "on";
        if (danger === undefined || value === null || value === right) return [];
        const change = `alter system set ${name} = ${right};\nselect pg_reload_conf();`;
        const evidence = [fact(name, value, "text")];
        const fix = fixBy(change, danger.words);
        return [found(name, danger.severity, evidence, { fix })];
      }),
    );
  },
};

const PLANNER_DANGER = {
  severity: "info",
  words:
    "The planner may not use this for any statement of any session. Set it for the one statement that needs it, or mend its estimates.",
} as const;
