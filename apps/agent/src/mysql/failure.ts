/** What went wrong in a section, as the payload says it: SQLSTATE and our own words, never the server's message. */
import { UnreachableError } from "../collector.ts";
import {
  type Failure,
  type Outcomes,
  type Read,
  runSection,
  SectionError,
} from "../engine/section.ts";
import { codeOf } from "./unreachable.ts";

type Known = [code: string, hint: string | null];

const DENIED: Known = [
  "no_permission",
  "The agent's account lacks a right; --print-grants writes them down.",
];
const LATE: Known = [
  "timeout",
  "The statement took longer than collection.statement_timeout allows.",
];
const FULL: Known = ["too_many_connections", "The server has no connection left for the agent."];
const SHUTDOWN: Known = ["shutdown", "The server was shut down, or ended the session."];
const MISSING: Known = ["not_supported", null];

/** By the number of the server's error: names differ between versions and libraries. */
const BY_CODE: Record<string, Known> = {
  "1044": DENIED,
  "1142": DENIED,
  "1143": DENIED,
  "1227": DENIED,
  "1370": DENIED,
  "1054": MISSING,
  "1109": MISSING,
  "1146": MISSING,
  "1193": MISSING,
  "1205": ["locked", "Somebody holds a lock on a table's structure; it is tried again."],
  "1317": LATE,
  "1969": LATE,
  "3024": LATE,
  "1021": ["disk_full", "The server's disk is full."],
  "1037": ["out_of_memory", "The server is out of memory."],
  "1040": FULL,
  "1203": FULL,
  "1226": FULL,
  "1049": ["database_dropped", null],
  "1053": SHUTDOWN,
  "1927": SHUTDOWN,
  "4031": SHUTDOWN,
  "1290": ["read_only", "The server refuses it by an option it was started with."],
  "1792": ["read_only", "The statement wants to write; the agent only reads."],
  ETIMEDOUT: ["timeout", "The server did not answer in time; the connection was cut."],
};

/** Classifies whatever a section threw. */
export function failureOf(error: unknown): Failure {
  if (error instanceof SectionError) {
    return { code: error.code, sqlstate: error.sqlstate, hint: error.hint };
  }
  const code = codeOf(error);
  const sqlstate = stateOf(error);
  if (error instanceof UnreachableError) {
    return { code: BY_CODE[code]?.[0] ?? "unreachable", sqlstate, hint: error.message };
  }
  const known = BY_CODE[code];
  if (known !== undefined) return { code: known[0], sqlstate, hint: known[1] };
  if (/^\d+$/.test(code)) {
    return { code: "sql_error", sqlstate, hint: `Error ${code} of the server.` };
  }
  if (code === "unknown" && error instanceof Error) {
    return { code: "internal", sqlstate: null, hint: `A defect of the agent (${error.name}).` };
  }
  return { code: "connection_lost", sqlstate: null, hint: `The connection was lost (${code}).` };
}

function stateOf(error: unknown): string | null {
  if (!(error instanceof Error) || !("sqlState" in error)) return null;
  const { sqlState } = error;
  return typeof sqlState === "string" && /^[0-9A-Z]{5}$/.test(sqlState) ? sqlState : null;
}

const DENIALS = new Set(["1044", "1142", "1143", "1227", "1370"]);

/** What `work` gives; where the account may not, SectionError with the right that it lacks: `process on *.*`. */
export async function needing<T>(
  account: string,
  right: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!DENIALS.has(codeOf(error))) throw error;
    const hint = `grant ${right} to ${quotedAccount(account)};`;
    throw new SectionError("no_permission", hint, stateOf(error));
  }
}

/** `'quern_agent'@'%'`, of `quern_agent@%`. */
export function quotedAccount(account: string): string {
  const at = account.lastIndexOf("@");
  const quoted = (part: string) => `'${part.replaceAll("'", "''")}'`;
  return `${quoted(account.slice(0, at))}@${quoted(account.slice(at + 1))}`;
}

/** `runSection` with MySQL's failures. */
export function section<T>(
  outcomes: Outcomes,
  name: string,
  read: () => Promise<Read<T>>,
): Promise<T | null> {
  return runSection(failureOf, outcomes, name, read);
}
