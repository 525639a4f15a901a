/**
 * Statements of every monitored database: numbers each time, a text only when it is not known to the receiver. The texts
 * are performance_schema's own, which has taken literals out; what is sent was looked through once more.
 */
import type { StatementStats, StatementsState } from "@quern/contract/agent/statements";
import { type Choice, chooseStatements, type StatementRow } from "../engine/statement-choice.ts";
import { put, remember } from "../engine/statement-memory.ts";
import { counter } from "../engine/values.ts";
import type { Facts } from "./facts.ts";
import type { Memory } from "./memory.ts";
import type { Session } from "./session.ts";
import { normaliseMysqlStatement } from "./statement.ts";
import { readStatementRows, rowsOf, statementNumbers } from "./statement-rows.ts";
import { instant } from "./times.ts";

export type StatementsOfDatabase = { query_stats: StatementStats[]; state: StatementsState };

type StatementsAnswer = { databases: Map<string, StatementsOfDatabase>; truncated: boolean };

/**
 * Reads for the databases of these names. Statements that ran in no database come with the first one, and so does what
 * the server counted as one because its table was full.
 */
export async function readStatements(
  session: Session,
  facts: Facts,
  names: readonly string[],
  whole: Memory,
  limit: number,
): Promise<StatementsAnswer> {
  const { statements: memory } = whole;
  const reading = await readStatementRows(session, facts);
  const now = await readState(session, reading.entries);
  await noteOwn(session, reading.databases.get("") ?? [], memory);
  const nowhere = (reading.databases.get("") ?? []).filter(({ key }) => !memory.own.get(key));
  const rowsOfDatabase = (name: string) => [
    ...(reading.databases.get(name) ?? []),
    ...(name === names[0] ? nowhere : []),
  ];
  const choices = new Map<string, Choice>();
  for (const name of names) {
    const wanted = memory.wanted.get(name) ?? new Set();
    const last = memory.readings.get(name);
    choices.set(name, chooseStatements(rowsOfDatabase(name), last, wanted, limit));
  }
  const texts = await readMissingTexts(session, choices, memory);
  const databases = new Map<string, StatementsOfDatabase>();
  for (const [name, { sent, left_out }] of choices) {
    const lost = name === names[0] && reading.lost !== null ? [reading.lost] : [];
    databases.set(name, {
      query_stats: sent.flatMap((row) => sentStatement(row, whole, texts, name)),
      state: { ...now.state, other: sumOf([...left_out, ...lost]) },
    });
    memory.readings.set(name, {
      at: now.at,
      numbers: new Map(
        rowsOfDatabase(name).map(({ key, calls, total_ms }) => [key, { calls, total_ms }]),
      ),
    });
    memory.wanted.delete(name);
  }
  const isCut = ({ sent, left_out }: Choice) => left_out.length > 0 && sent.length >= limit;
  return { databases, truncated: [...choices.values()].some(isCut) };
}

async function readState(
  session: Session,
  entries: number,
): Promise<{ at: string | null; state: Omit<StatementsState, "other"> }> {
  const [row] = await session.query(
    "select unix_timestamp(now(6)) as quern_now, @@performance_schema_digests_size as size",
  );
  const max = counter(row?.size);
  return {
    at: instant(row?.quern_now),
    state: {
      extension_version: null,
      default_version: null,
      entries,
      max_entries: max === -1 ? null : max,
      // Nothing is thrown out: what comes when the table is full is counted together, and sent as such.
      dealloc: null,
      stats_reset: null,
      text_file_bytes: null,
    },
  };
}

/** What the agent asks, in no database: statistics of the server, and settings of its own session. */
const OWN =
  /information_schema|performance_schema|innodb_index_stats|quern_now|^\s*(?:SHOW|SET)\b|@@|^SELECT `version`/i;

/** Only what ran in no database can be the agent's; it is looked up once. */
async function noteOwn(
  session: Session,
  rows: readonly StatementRow[],
  memory: Memory["statements"],
): Promise<void> {
  const unknown = rows.filter(({ key }) => !memory.own.has(key));
  const texts = await readTexts(session, unknown);
  for (const { key } of unknown) {
    const text = texts.get(key);
    if (text !== undefined) put(memory.own, key, OWN.test(text));
  }
}

async function readMissingTexts(
  session: Session,
  choices: ReadonlyMap<string, Choice>,
  memory: Memory["statements"],
): Promise<ReadonlyMap<string, string>> {
  const missing = [...choices].flatMap(([name, { sent }]) =>
    sent.filter(({ key, hash }) => !memory.known.has(key) || memory.wanted.get(name)?.has(hash)),
  );
  return await readTexts(session, missing);
}

const PAGE = 500;

/** By key. */
async function readTexts(
  session: Session,
  statements: readonly StatementRow[],
): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const digests = [...new Set(statements.map(({ row }) => row.digest ?? ""))];
  for (let start = 0; start < digests.length; start += PAGE) {
    const page = digests.slice(start, start + PAGE);
    const rows = await session.query(
      `select coalesce(d.schema_name, '') as name, d.digest as digest, d.digest_text as digest_text
         from performance_schema.events_statements_summary_by_digest as d
        where d.digest in (${page.map(() => "?").join(", ")})`,
      page,
    );
    for (const { name, digest, digest_text } of rows) {
      texts.set(`${name}:${digest}`, digest_text ?? "");
    }
  }
  return texts;
}

/** Nothing for one that was thrown out before its text could be read. */
function sentStatement(
  row: Choice["sent"][number],
  { statements: memory, digests }: Memory,
  texts: ReadonlyMap<string, string>,
  name: string,
): StatementStats[] {
  const entry = row.new_entry === null ? {} : { new_entry: row.new_entry };
  const numbers = { ...statementNumbers(row), ...entry };
  if (memory.known.has(row.key) && !memory.wanted.get(name)?.has(row.hash)) return [numbers];
  const text = texts.get(row.key);
  if (text === undefined) return [];
  const { command, ...said } = normaliseMysqlStatement(text);
  const { fingerprint, kind, run_id } = said;
  remember(memory, row.key, row.hash, { fingerprint, kind, command, run_id });
  if (fingerprint !== null) put(digests, fingerprint, row.hash);
  return [{ ...numbers, ...said }];
}

function sumOf(rows: readonly StatementRow[]): StatementsState["other"] {
  if (rows.length === 0) return null;
  const sum = (of: (row: StatementRow) => bigint) =>
    counter(String(rows.reduce((total, row) => total + of(row), 0n))) ?? 0;
  return {
    statements: rows.length,
    calls: sum(({ row }) => BigInt(row.calls ?? 0)),
    total_time_ms: rows.reduce((total, { total_ms }) => total + total_ms, 0),
    rows: sum(({ row }) => BigInt(rowsOf(row))),
  };
}
