import { settingsOf } from "../facts.ts";
import { advice, fact, fixBy, found, judged, notEnough } from "../finding.ts";
import type { Found, Rule, Subject } from "../rule.ts";

type Settings = ReadonlyMap<string, string | null>;

/** Their storage is solid state, where a random page costs hardly more than the next one. */
const ON_SSD = new Set([
  ...["rds", "aurora", "azure", "cloudsql", "alloydb", "neon", "supabase", "crunchy", "timescale"],
  ...["heroku", "aiven", "digitalocean", "tembo", "planetscale"],
]);

export const rule: Rule = {
  id: "setting-hints",
  title: "A setting that is usually better otherwise",
  category: "maintenance",
  explanation:
    "Nothing is at risk, but these defaults are for another kind of machine, or leave out a safety net that costs next to nothing.",
  source:
    "pganalyze and the documentation of PostgreSQL. Rules that need the size of the memory are left out: a server does not say it.",
  weight: { info: 1, warning: 1, critical: 1 },
  caps: false,
  of: "server",
  every_s: 3_600,
  needs: ["settings"],
  engines: ["postgres"],
  async judge(subject) {
    const settings = await settingsOf(subject);
    if (!settings.has("statement_timeout"))
      return notEnough("This agent sends a few settings alone; Quern's own sends all.");
    return judged([
      ...dataChecksums(settings),
      ...timeouts(settings),
      ...randomPages(subject, settings),
      ...jit(settings),
    ]);
  },
};

function dataChecksums(settings: Settings): Found[] {
  if (settings.get("data_checksums") !== "off") return [];
  const words =
    "Without checksums a damaged page is noticed when it is too late. `pg_checksums --enable` adds them while the server is stopped; from 18 on new servers have them.";
  return [hint("data_checksums", "off", advice(words))];
}

/** None of the limits is set: one forgotten session can hold everything up for ever. */
function timeouts(settings: Settings): Found[] {
  const names = ["statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"];
  const known = names.filter((name) => settings.get(name) != null);
  if (known.length < 2 || known.some((name) => Number(settings.get(name)) !== 0)) return [];
  const words =
    "No limit ends a statement or transaction that was forgotten. Start with the one that is safe nearly everywhere; limits of roles may be set, too, and are not seen from here.";
  const change =
    "alter system set idle_in_transaction_session_timeout = '10min';\nselect pg_reload_conf();";
  return [hint("timeouts", "0", fixBy(change, words), "medium")];
}

function randomPages({ provider }: Subject, settings: Settings): Found[] {
  const cost = settings.get("random_page_cost");
  if (!ON_SSD.has(provider) || cost == null || Number(cost) < 4) return [];
  const words =
    "The default is for disks that spin. On this provider's storage 1.1 lets the planner use indexes where they are quicker. Try it for a role or session first.";
  return [hint("random_page_cost", cost, advice(words), "medium")];
}

/** Compiling a plan takes longer than running many that cost less than the default of 100,000. */
function jit(settings: Settings): Found[] {
  const cost = settings.get("jit_above_cost");
  const early = cost != null && Number(cost) >= 0 && Number(cost) < 100_000;
  if (settings.get("jit") !== "on" || !early) return [];
  const words =
    "Plans are compiled at a lower cost than by default: compiling may take longer than running them.";
  const change = "alter system reset jit_above_cost;\nselect pg_reload_conf();";
  return [hint("jit_above_cost", cost, fixBy(change, words), "low")];
}

function hint(
  name: string,
  value: string,
  fix: Found["fix"],
  confidence: Found["confidence"] = "high",
): Found {
  return found(name, "info", [fact(name, value, "text")], { confidence, fix });
}
