import type { Agent } from "@quern/contract/health/agents";
import type { SectionState } from "@quern/contract/health/ranges";
import type { AgentDatabaseRow, AgentRow } from "@quern/store/health-agents";

const SILENT_MS = 10 * 60 * 1000;
const LATE = 3;

/** An agent as its page shows it. */
export function agentView(row: AgentRow, now: number = Date.now()): Agent {
  const { keys, databases, rejected_at, rejected_reason } = row;
  return {
    ...{ id: row.id, name: row.name, version: row.version, built_in: row.built_in },
    state: stateOf(row, now),
    last_seen_at: row.last_seen_at?.toISOString() ?? null,
    last_payload_at: row.last_payload_at?.toISOString() ?? null,
    clock_offset_ms: row.clock_offset_ms,
    error: row.error,
    rejected:
      rejected_at === null
        ? null
        : { at: rejected_at.toISOString(), reason: rejected_reason ?? "" },
    stats: row.stats,
    keys: keys.map((key) => ({
      ...key,
      created_at: new Date(key.created_at).toISOString(),
      expires_at: isoOf(key.expires_at),
      last_used_at: isoOf(key.last_used_at),
    })),
    databases: databases.map((database) => ({
      ...{ id: database.id, name: database.name, server_name: database.server_name },
      lag_s:
        database.last_taken_at === null ? null : (now - Date.parse(database.last_taken_at)) / 1000,
      missing: missingOf(database),
    })),
    created_at: row.created_at.toISOString(),
    revoked_at: row.revoked_at?.toISOString() ?? null,
  };
}

function stateOf(row: AgentRow, now: number): Agent["state"] {
  const usual_s = Math.min(...row.databases.flatMap(({ interval_s }) => interval_s ?? []), 300);
  return agentState(row, usual_s, now);
}

/** How an agent does that sends a payload each `usual_s` seconds. */
export function agentState(
  agent: Pick<AgentRow, "status" | "revoked_at" | "last_seen_at" | "last_payload_at">,
  usual_s: number,
  now: number,
): Agent["state"] {
  if (agent.revoked_at !== null) return "revoked";
  if (agent.last_seen_at === null) return "none";
  if (agent.status === "paused") return "paused";
  const age = now - (agent.last_payload_at ?? agent.last_seen_at).getTime();
  const usual = usual_s * 1000;
  if (age > Math.max(SILENT_MS, usual * LATE)) return "silent";
  return age > usual * LATE ? "late" : "live";
}

function missingOf({ collectors }: AgentDatabaseRow): (SectionState & { section: string })[] {
  return Object.entries(collectors)
    .filter(([, { status, code }]) => status === "error" || (status === "skipped" && code !== null))
    .map(([section, { code, hint, at }]) => ({
      section,
      state:
        code === "no_permission"
          ? "no_permission"
          : code === "not_supported"
            ? "not_supported"
            : "error",
      code,
      hint,
      at: isoOf(at),
    }));
}

function isoOf(at: string | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
