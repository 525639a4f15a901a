/** Scores and the state of a database in words. */
import type { MonitoredDatabase } from "@quern/contract/health/databases";
import { language, t } from "../i18n/language.ts";

export type ScoreTone = "good" | "doubtful" | "bad";

const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
/** The share of the rules that could be judged: `79 %`. Not 100 % while one could not. */
export function coverageWords(coverage: number): string {
  return percent.format(coverage < 1 ? Math.min(0.99, coverage) : 1);
}

/** From 90 on all is well, below 70 something has to be done. */
export function scoreTone(score: number): ScoreTone {
  if (score >= 90) return "good";
  return score >= 70 ? "doubtful" : "bad";
}

const LITTLE = 0.5;
/** Of a score that most rules had no part in, the colour would say more than is known. */
export function scoreInk({ score, coverage }: { score: number; coverage: number }): string {
  return coverage < LITTLE ? "text-muted" : SCORE_INK[scoreTone(score)];
}

/** Colours of text and of bars; the number beside them says the same. */
export const SCORE_INK: Record<ScoreTone, string> = {
  good: "text-green-700 dark:text-green-400",
  doubtful: "text-amber-700 dark:text-amber-400",
  bad: "text-red-700 dark:text-red-400",
};
export const SCORE_FILL: Record<ScoreTone, string> = {
  good: "bg-success",
  doubtful: "bg-warning",
  bad: "bg-error",
};

export function scoreTitle({ score, coverage }: { score: number; coverage: number }): string {
  return t("{score} of 100. {share} of the rules that apply could be judged.", {
    score,
    share: coverageWords(coverage),
  });
}

const ENGINES: Record<MonitoredDatabase["server"]["type"], string> = {
  postgres: "PostgreSQL",
  mysql: "MySQL",
  mariadb: "MariaDB",
};
const PROVIDERS: Record<string, string> = {
  rds: "Amazon RDS",
  aurora: "Amazon Aurora",
  azure: "Azure",
  cloudsql: "Google Cloud SQL",
  alloydb: "AlloyDB",
  neon: "Neon",
  supabase: "Supabase",
  crunchy: "Crunchy Bridge",
  timescale: "Timescale",
  heroku: "Heroku",
  aiven: "Aiven",
  digitalocean: "DigitalOcean",
  tembo: "Tembo",
  planetscale: "PlanetScale",
};

/** `PostgreSQL 18.4` */
export const engineWords = ({ type, version }: MonitoredDatabase["server"]): string =>
  `${ENGINES[type]} ${version}`;

/** Who runs the server; null where that is its owner. */
export function providerWords({ provider }: MonitoredDatabase["server"]): string | null {
  return provider === "generic" ? null : (PROVIDERS[provider] ?? provider);
}

export function roleWords({ in_recovery }: MonitoredDatabase["server"]): string | null {
  if (in_recovery === null) return null;
  return in_recovery ? t("standby") : t("primary");
}

type Fresh = Pick<MonitoredDatabase, "last_taken_at" | "interval_s">;

/** How old the newest numbers are, in ms; null when nothing came yet. */
export function lagOf({ last_taken_at }: Fresh, now: number): number | null {
  return last_taken_at === null ? null : Math.max(0, now - Date.parse(last_taken_at));
}

const MISSED = 3;
/** Three payloads did not come. */
export function isStale(database: Fresh, now: number): boolean {
  const lag = lagOf(database, now);
  return lag !== null && lag > MISSED * Math.max(60, database.interval_s ?? 60) * 1000;
}
