/**
 * pg_stat_statements of every monitored database: numbers each time, a text only when it is not known to the receiver,
 * and never one that holds a literal. Entries of all roles count.
 */
import type { StatementStats, StatementsState } from "@quern/contract/agent/statements";
import { SectionError } from "../engine/section.ts";
import type { StatementRow } from "../engine/statement-choice.ts";
import { type Choice, chooseStatements } from "../engine/statement-choice.ts";
import { put, remember, type StatementMemory } from "../engine/statement-memory.ts";
import { counter } from "../engine/values.ts";
import { normaliseStatement } from "../text/statement.ts";
import { columnsOf, type Facts } from "./facts.ts";
import { quoted } from "./select-list.ts";
import { isOwn, type Session } from "./session.ts";
import {
  asStates,
  hashOf,
  type Reading,
  readStatementRows,
  statementNumbers,
  statementsCall,
} from "./statement-rows.ts";
import { codeOf } from "./unreachable.ts";
import { time } from "./values.ts";

type StatementsOfDatabase = { query_stats: StatementStats[]; state: StatementsState };

type StatementsAnswer = {
  /** By the oid of the database. */
  databases: Map<string, StatementsOfDatabase>;
  truncated: boolean;
  /** Set where entries of other roles are hidden from this one. */
  problem: SectionError | null;
};

/** Reads for the databases with these oids, in a session of any database that has the extension. */
export async function readStatements(
  session: Session,
  facts: Facts,
  oids: string[],
  memory: StatementMemory,
  limit: number,
): Promise<StatementsAnswer> {
  const reading = await readStatementRows(session, facts);
  const whole = await readState(session, facts, reading.entries);
  await findOwn(session, facts, reading, memory);
  const isOthers = ({ key }: StatementRow) => memory.own.get(key) !== true;
  const choices = new Map<string, Choice>();
  for (const oid of oids) {
    const rows = (reading.databases.get(oid) ?? []).filter(isOthers);
    const wanted = memory.wanted.get(oid) ?? new Set();
    choices.set(oid, chooseStatements(rows, memory.readings.get(oid), wanted, limit));
  }
  const texts = await readMissingTexts(session, facts, choices, memory);
  const hidden = reading.hidden === 0 ? null : hiddenTexts(facts.role, reading.hidden);
  const databases = new Map<string, StatementsOfDatabase>();
  for (const [oid, { sent, left_out }] of choices) {
    const query_stats = sent.flatMap((row) => sentStatement(row, memory, texts, oid));
    databases.set(oid, { query_stats, state: { ...whole, other: sumOf(left_out) } });
    const rows = reading.databases.get(oid) ?? [];
    memory.readings.set(oid, {
      at: whole.at,
      numbers: new Map(rows.map(({ key, calls, total_ms }) => [key, { calls, total_ms }])),
    });
    memory.wanted.delete(oid);
  }
  return {
    databases,
    truncated: [...choices.values()].some(
      ({ sent, left_out }) => left_out.length > 0 && sent.length >= limit,
    ),
    problem: texts === null ? unreadableTexts() : hidden,
  };
}

/** Only statements of its own role can be the agent's; what they are is looked up once. */
async function findOwn(
  session: Session,
  facts: Facts,
  reading: Reading,
  memory: StatementMemory,
): Promise<void> {
  const unknown = [...reading.databases.values()]
    .flat()
    .filter(({ key, row }) => row.user_name === facts.role && !memory.own.has(key));
  if (unknown.length === 0) return;
  const texts = await readTexts(session, facts, unknown);
  for (const { key } of unknown) {
    const text = texts?.get(key);
    if (text !== undefined) put(memory.own, key, isOwn(text));
  }
}

function unreadableTexts(): SectionError {
  return new SectionError(
    "texts_unreadable",
    "The server could not return the texts of statements (one that is not valid in this database's encoding is enough); their numbers are there.",
  );
}

function hiddenTexts(role: string, hidden: number): SectionError {
  return new SectionError(
    "no_permission",
    `${hidden} statements of other roles are hidden: grant pg_read_all_stats to ${quoted(role)};`,
    "42501",
  );
}

type Whole = Omit<StatementsState, "other"> & { at: string | null };

async function readState(session: Session, facts: Facts, entries: number): Promise<Whole> {
  const extension = facts.extensions.get("pg_stat_statements");
  const info = columnsOf(facts, "pg_stat_statements_info").size > 0;
  const [row] = await asStates(
    facts,
    session.query(
      `select clock_timestamp() as at, current_setting('pg_stat_statements.max', true) as max_entries,
         ${info ? "i.dealloc, i.stats_reset" : "null as dealloc, null as stats_reset"}
         ${info && extension ? `from ${quoted(extension.schema)}.pg_stat_statements_info as i` : ""}`,
    ),
  );
  return {
    at: row?.at ?? null,
    extension_version: extension?.version ?? null,
    default_version: extension?.default_version ?? null,
    entries,
    max_entries: counter(row?.max_entries),
    dealloc: counter(row?.dealloc),
    stats_reset: time(row?.stats_reset),
    text_file_bytes: null,
  };
}

/** By key; null where the server would not return them. */
type Texts = ReadonlyMap<string, string> | null;

/** Texts of chosen statements that are not known or were asked for. */
async function readMissingTexts(
  session: Session,
  facts: Facts,
  choices: Map<string, Choice>,
  memory: StatementMemory,
): Promise<Texts> {
  const missing = [...choices].flatMap(([oid, { sent }]) =>
    sent.filter(({ key, hash }) => !memory.known.has(key) || memory.wanted.get(oid)?.has(hash)),
  );
  return missing.length === 0 ? new Map() : await readTexts(session, facts, missing);
}

/** A text that is not valid in the encoding, a file too large to be read in time or at all. */
const TEXTS_FAILED = new Set(["22021", "57014", "53200", "54000"]);

/** With texts the server reads its file of them all, whichever are asked for. */
async function readTexts(
  session: Session,
  facts: Facts,
  statements: StatementRow[],
): Promise<Texts> {
  const column = (name: "queryid" | "dbid") => [
    ...new Set(statements.map(({ row }) => row[name] ?? "")),
  ];
  try {
    const rows = await session.query(
      `select s.dbid, s.userid, s.queryid, s.query from ${statementsCall(facts, true)} as s
         where s.queryid = any($1::int8[]) and s.dbid = any($2::oid[])`,
      [column("queryid"), column("dbid")],
    );
    return new Map(
      rows.map(({ dbid, userid, queryid, query }) => [`${dbid}:${userid}:${queryid}`, query ?? ""]),
    );
  } catch (error) {
    if (!TEXTS_FAILED.has(codeOf(error))) throw error;
    return null;
  }
}

/** Nothing for one that was thrown out before its text could be read. */
function sentStatement(
  row: StatementRow & { new_entry: boolean | null },
  memory: StatementMemory,
  texts: Texts,
  oid: string,
): StatementStats[] {
  const entry = row.new_entry === null ? {} : { new_entry: row.new_entry };
  const numbers = { ...statementNumbers(row), ...entry };
  if (memory.known.has(row.key) && !memory.wanted.get(oid)?.has(row.hash)) return [numbers];
  if (texts === null) return [{ ...numbers, text_state: "hidden" }];
  const text = texts.get(row.key);
  if (text === undefined) return [];
  const { command, ...said } = normaliseStatement(text, { track_size: null });
  const { fingerprint, kind, run_id } = said;
  remember(memory, row.key, row.hash, { fingerprint, kind, command, run_id });
  return [{ ...numbers, ...said }];
}

function sumOf(rows: StatementRow[]): StatementsState["other"] {
  if (rows.length === 0) return null;
  return {
    statements: rows.length,
    calls: counter(String(rows.reduce((sum, { row }) => sum + BigInt(row.calls ?? 0), 0n))) ?? 0,
    total_time_ms: rows.reduce((sum, { total_ms }) => sum + total_ms, 0),
    rows: counter(String(rows.reduce((sum, { row }) => sum + BigInt(row.rows ?? 0), 0n))) ?? 0,
  };
}

/** `hashOf`, of what pg_stat_activity says. */
export function queryHash(queryId: string | null | undefined): string | null {
  return queryId === null || queryId === undefined || queryId === "0" ? null : hashOf(queryId);
}
