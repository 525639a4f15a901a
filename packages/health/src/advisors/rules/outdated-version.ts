import { advice, fact, found, judged, notApplicable, notEnough, say } from "../finding.ts";
import { RELEASES, RELEASES_AS_OF } from "../postgres-releases.ts";
import type { Found, Rule } from "../rule.ts";

const DAY_MS = 86_400_000;
/** So long before the end a change of the major version wants to be planned. */
const AHEAD_DAYS = 180;
/** A minor release that has been there so long should be installed. */
const LATE_DAYS = 90;
/** They give releases numbers and lives of their own. */
const OWN_RELEASES = new Set(["aurora", "alloydb", "neon"]);

export const rule: Rule = {
  id: "outdated-version",
  title: "The server's version is out of date",
  category: "maintenance",
  explanation:
    "Minor releases mend errors and holes in security and need a restart, no migration. A major version gets them for five years; after that nobody mends anything in it.",
  source:
    "postgresql.org's versioning policy; each finding says as of when the table of releases is. Own: 180 days ahead of the end, 90 days for a minor release.",
  weight: { info: 2, warning: 20, critical: 50 },
  caps: false,
  of: "server",
  every_s: 86_400,
  needs: [],
  engines: ["postgres"],
  async judge({ version_num, provider, now }) {
    if (version_num === null) return notEnough("The agent does not say the server's version.");
    const [major, minor] = [Math.floor(version_num / 10_000), version_num % 10_000];
    const known = RELEASES.find((release) => release.major === major);
    if (known === undefined)
      return notApplicable(
        say("Version {major} is not in the table of releases, which is as of {date}.", {
          major: String(major),
          date: RELEASES_AS_OF,
        }),
      );
    const findings: Found[] = [];
    const version =
      major >= 10 ? `${major}.${minor}` : `9.${Math.floor(minor / 100)}.${minor % 100}`;
    const left = (Date.parse(known.end_of_life) - now.getTime()) / DAY_MS;
    const newest = RELEASES[0]!.major;
    const table = fact("table_as_of", RELEASES_AS_OF, "text");
    if (left <= AHEAD_DAYS) {
      const words =
        left > 0
          ? "Plan the change to a newer major version: pg_upgrade, or logical replication for one without a long stop. Try it on a copy first."
          : "This version gets no more fixes, of security neither. Change to a newer major version: pg_upgrade, or logical replication for one without a long stop.";
      const evidence = [
        fact("version", version, "text"),
        fact("end_of_life", known.end_of_life, "time"),
        fact("days_left", Math.floor(left), "count", 0),
        fact("newest_major", newest),
        table,
      ];
      const severity = left > 0 ? "info" : left > -365 ? "warning" : "critical";
      findings.push(found("major", severity, evidence, { fix: advice(words) }));
    }
    const age = (now.getTime() - Date.parse(known.released)) / DAY_MS;
    if (!OWN_RELEASES.has(provider) && minor < known.minor && major >= 10) {
      const evidence = [
        fact("version", version, "text"),
        fact("newest_minor", `${major}.${known.minor}`, "text"),
        fact("releases_behind", known.minor - minor),
        fact("newest_released", known.released, "time"),
        table,
      ];
      const words =
        "Install the newest minor release and restart. Its release notes, and those of each between, say whether something has to be done by hand (an index to rebuild, say).";
      const severity = age > LATE_DAYS ? "warning" : "info";
      findings.push(found("minor", severity, evidence, { fix: advice(words) }));
    }
    return judged(findings);
  },
};
