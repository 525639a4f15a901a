/** What went wrong in a section, as the payload says it: SQLSTATE and our own words, never the server's message. */
import { UnreachableError } from "../collector.ts";
import { type Failure, SectionError } from "../engine/section.ts";
import { codeOf } from "./unreachable.ts";

const BY_SQLSTATE: Record<string, [code: string, hint: string | null]> = {
  "42501": [
    "no_permission",
    "grant pg_monitor to the agent's role; --print-grants writes it down.",
  ],
  "42P01": ["not_supported", null],
  "42883": ["not_supported", null],
  "42703": ["not_supported", null],
  "55P03": ["locked", "Somebody holds or waits for an ACCESS EXCLUSIVE lock; it is tried again."],
  "55000": ["wrong_state", null],
  "57014": ["timeout", "The statement took longer than collection.statement_timeout allows."],
  "22021": ["encoding", "A text is not valid in this database's encoding."],
  "25006": ["read_only", "The statement wants to write; the agent only reads."],
  "53100": ["disk_full", "The server's disk is full."],
  "53200": ["out_of_memory", "The server is out of memory."],
  "53300": ["too_many_connections", "The server has no connection left for the agent."],
  "57P01": ["shutdown", "The server was shut down, or ended the session."],
  "57P02": ["crash", "Another backend crashed, and the server ended all sessions."],
  "57P03": ["starting", "The server is starting up."],
  "57P04": ["database_dropped", null],
  ETIMEDOUT: ["timeout", "The server did not answer in time; the connection was cut."],
};

/** Classifies whatever a section threw. */
export function failureOf(error: unknown): Failure {
  if (error instanceof SectionError) {
    return { code: error.code, sqlstate: error.sqlstate, hint: error.hint };
  }
  const code = codeOf(error);
  if (error instanceof UnreachableError) {
    const known = BY_SQLSTATE[code]?.[0] ?? (code === "pooler" ? code : "unreachable");
    return { code: known, sqlstate: stateOf(code), hint: error.message };
  }
  const sqlstate = stateOf(code);
  const known = BY_SQLSTATE[code];
  if (known !== undefined) return { code: known[0], sqlstate, hint: known[1] };
  if (sqlstate !== null) return { code: "sql_error", sqlstate, hint: null };
  if (code === "unknown" && error instanceof Error) {
    return { code: "internal", sqlstate: null, hint: `A defect of the agent (${error.name}).` };
  }
  return { code: "connection_lost", sqlstate: null, hint: `The connection was lost (${code}).` };
}

/** Names of the system begin with E and are longer, but for EPIPE. */
function stateOf(code: string): string | null {
  return /^[0-9A-Z]{5}$/.test(code) && code !== "EPIPE" ? code : null;
}
