import type { Agent } from "@quern/contract/health/agents";
import { t } from "../i18n/language.ts";
import { formatDuration } from "./duration.ts";
import { formatAge } from "./instants.ts";
import type { Tone } from "./tone.ts";

const STATES: Record<Agent["state"], Tone> = {
  live: { words: t("Live"), icon: "i-lucide-circle-check", color: "success" },
  late: { words: t("Late"), icon: "i-lucide-clock-alert", color: "warning" },
  silent: { words: t("Silent"), icon: "i-lucide-circle-x", color: "error" },
  paused: { words: t("Stands by"), icon: "i-lucide-circle-pause", color: "warning" },
  revoked: { words: t("Revoked"), icon: "i-lucide-ban", color: "neutral" },
  none: { words: t("Not started yet"), icon: "i-lucide-circle-dashed", color: "neutral" },
};

/** How an agent is doing, in a word or two. */
export function agentState({ state }: Pick<Agent, "state">): Tone {
  return STATES[state];
}

const SECTIONS: Record<string, string> = {
  statements: t("Statements"),
  tables: t("Tables"),
  indexes: t("Indexes"),
  schema: t("Schema"),
  settings: t("Settings"),
  server: t("Server"),
  activity: t("Sessions"),
  sequences: t("Sequences"),
  bloat: t("Bloat"),
  column_statistics: t("Statistics of columns"),
  plans: t("Plans"),
  custom_metrics: t("Own metrics"),
};

/** A section that this app does not know of yet is named by its key. */
export function sectionName(section: string): string {
  return SECTIONS[section] ?? section;
}

const REASONS: Record<string, string> = {
  no_permission: t("The role lacks a right"),
  extension_missing: t("pg_stat_statements is not in this database"),
  not_preloaded: t("pg_stat_statements is not loaded by the server"),
  not_supported: t("This server cannot tell it"),
  locked: t("A lock was in the way"),
  timeout: t("It took too long"),
  unreachable: t("The database does not answer"),
};

/** Why a section is not whole, in short; the code where this app has no words for it. */
export function missingReason(code: string | null): string {
  return code === null ? t("It could not be read") : (REASONS[code] ?? code);
}

type AgentTrouble = { bad: boolean; words: string };

const CLOCK_MATTERS_MS = 60_000;

/** What an admin should know of an agent and do, the worst first; nothing when all is well. */
export function agentTroubles(agent: Agent, now: number): AgentTrouble[] {
  if (agent.state === "revoked") return [];
  const found = [...contactTroubles(agent, now), ...answerTroubles(agent, now)];
  return [...found, ...spoolTroubles(agent)].sort((a, b) => Number(b.bad) - Number(a.bad));
}

function contactTroubles(agent: Agent, now: number): AgentTrouble[] {
  const last = agent.last_payload_at ?? agent.last_seen_at;
  const age = last === null ? "" : formatAge(last, now);
  switch (agent.state) {
    case "silent":
      return [
        bad(
          t(
            "What arrived last came {age}. See whether its process runs, and what its log says; what it collects waits in its spool.",
            { age },
          ),
        ),
      ];
    case "late":
      return [doubtful(t("What arrived last came {age}, later than usual.", { age }))];
    case "paused":
      return [
        doubtful(
          t(
            "Another agent sends for the same server, so this one only says that it lives, and asks again every 10 minutes. Stop one of the two.",
          ),
        ),
      ];
    case "live":
    case "none":
    case "revoked":
      return [];
  }
}

function answerTroubles({ rejected, error, clock_offset_ms }: Agent, now: number): AgentTrouble[] {
  const found: AgentTrouble[] = [];
  if (rejected !== null) {
    const words = { age: formatAge(rejected.at, now), reason: rejected.reason };
    found.push(bad(t("A payload was not taken ({age}): {reason}", words)));
  }
  if (error !== null) found.push(bad(t("It reports an error: {error}", { error })));
  if (clock_offset_ms !== null && Math.abs(clock_offset_ms) >= CLOCK_MATTERS_MS) {
    const time = formatDuration(Math.abs(clock_offset_ms));
    found.push(
      doubtful(
        t(
          "Its clock and this server's are {time} apart. Beyond 5 minutes nothing is taken: set the clocks by NTP.",
          { time },
        ),
      ),
    );
  }
  return found;
}

function spoolTroubles({ stats }: Agent): AgentTrouble[] {
  if (stats === null) return [];
  const found: AgentTrouble[] = [];
  if (stats.dropped_payloads > 0) {
    found.push(
      bad(
        t(
          "Its spool was full, and {n} payload is lost. Give it more room by QUERN_SPOOL_MAX_BYTES. | Its spool was full, and {n} payloads are lost. Give it more room by QUERN_SPOOL_MAX_BYTES.",
          { n: stats.dropped_payloads },
        ),
      ),
    );
  }
  if (stats.dead_letters > 0) {
    found.push(
      doubtful(
        t(
          "{n} payload was refused and is kept in dead-letters. Mend the reason and send it again by --replay. | {n} payloads were refused and are kept in dead-letters. Mend the reason and send them again by --replay.",
          { n: stats.dead_letters },
        ),
      ),
    );
  }
  return found;
}

const bad = (words: string): AgentTrouble => ({ bad: true, words });
const doubtful = (words: string): AgentTrouble => ({ bad: false, words });

/** How far the stored numbers of its databases are behind, in seconds: the worst of them; null when nothing came yet. */
export function largestLag({ databases }: Pick<Agent, "databases">): number | null {
  const lags = databases.flatMap(({ lag_s }) => lag_s ?? []);
  return lags.length === 0 ? null : Math.max(...lags);
}

/** How many sections of all its databases are not whole. */
export function countMissing({ databases }: Pick<Agent, "databases">): number {
  return databases.reduce((sum, { missing }) => sum + missing.length, 0);
}

/** The share of one processor that the agent took from its start to its last payload, 0 to 1 and more; null when it cannot be told. */
export function processorShare({ stats, last_payload_at }: Agent): number | null {
  if (stats === null || last_payload_at === null) return null;
  const lived_ms = Date.parse(last_payload_at) - Date.parse(stats.started_at);
  return lived_ms > 0 ? stats.cpu_ms / lived_ms : null;
}
