import { schemaOf } from "../facts.ts";
import { fact, fixBy, found, judged, notEnough } from "../finding.ts";
import { quoted } from "../names.ts";
import type { Rule } from "../rule.ts";

export const rule: Rule = {
  id: "extension-updates",
  title: "An extension is older than what the server has",
  category: "maintenance",
  explanation:
    "The files of a newer version are installed, usually since an upgrade of the server, but the database still has the objects of the old one: new columns and functions are missing, and corrections of its SQL.",
  source: "pg_available_extensions.",
  weight: { info: 1, warning: 1, critical: 1 },
  caps: false,
  of: "database",
  every_s: 3_600,
  needs: ["schema"],
  engines: ["postgres"],
  async judge(subject) {
    const { extensions } = (await schemaOf(subject))!;
    if (extensions === undefined) return notEnough("The agent did not send the extensions.");
    return judged(
      extensions
        .filter(({ version, default_version: now }) => now !== null && isOlder(version, now))
        .map(({ name, version, default_version }) => {
          const evidence = [
            fact("version", version, "text"),
            fact("available_version", default_version, "text"),
          ];
          const words =
            "The update runs the scripts between the two versions in one transaction. Read the notes of the extension first, and try it on a copy.";
          const change = `alter extension ${quoted(name)} update;`;
          return found(quoted(name), "info", evidence, { fix: fixBy(change, words) });
        }),
    );
  },
};

/** Versions compare number by number; those that hold no numbers are old when they differ. */
function isOlder(version: string, available: string): boolean {
  const [left, right] = [version, available].map((text) => text.match(/\d+/g)?.map(Number) ?? []);
  if (left!.length === 0 || right!.length === 0) return version !== available;
  for (let place = 0; place < Math.max(left!.length, right!.length); place += 1) {
    const difference = (left![place] ?? 0) - (right![place] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
