/**
 * What a state holds, so that two can be compared: the definition of every object, how many rows each table has and a
 * digest of them in any order, where each sequence stands; of every database of the server. Only built-in functions
 * run, under a search path that holds nothing else.
 */
import { createHash } from "node:crypto";
import { literal } from "@quern/contract/postgres-literal";
import {
  CLUSTER_OBJECTS,
  DATABASE_OBJECTS,
  ROW_SOURCES,
  SEQUENCES,
} from "./fingerprint-objects.ts";

/** A session that reads everything: of `quern_reader` on an instance for inspection. pg's Client is one. */
export type FingerprintSession = {
  query(sql: string): Promise<{ rows: Record<string, unknown>[] }>;
  end(): Promise<void>;
};

export type Connect = (database: string) => Promise<FingerprintSession>;

export type StateObject = { kind: string; name: string; definition: string };

export type TableRows = {
  schema: string;
  name: string;
  rows: number;
  /** Of the multiset of rows; null: not asked for, or it could not be read. */
  digest: string | null;
};

export type Fingerprint = {
  /** Of everything below: equal for equal states. */
  digest: string;
  objects: StateObject[];
  tables: TableRows[];
};

export type FingerprintOptions = {
  /** Where one may always connect. */
  database?: string;
  /** False: rows are only counted. */
  rows?: boolean;
  signal?: AbortSignal;
};

const SESSION = `
  set search_path to pg_catalog; set timezone to 'UTC'; set datestyle to 'ISO, YMD'; set intervalstyle to 'postgres';
  set extra_float_digits to 3; set bytea_output to 'hex'; set row_security to off; set statement_timeout to 0;
  set xmloption to 'content'; set lc_monetary to 'C'; set quote_all_identifiers to off;
  begin transaction isolation level repeatable read read only`;
/** Tables that one statement reads: a chain of hundreds of files makes hundreds of tables. */
const TABLES_AT_ONCE = 20;

/** Reads a whole server. Throws what the connection throws. */
export async function fingerprint(
  connect: Connect,
  { database = "project", rows = true, signal }: FingerprintOptions = {},
): Promise<Fingerprint> {
  const objects: StateObject[] = [];
  const tables: TableRows[] = [];
  const names = await inSession(connect, database, async (session) => {
    objects.push(...(await readObjects(session, CLUSTER_OBJECTS)));
    return read<{ datname: string }>(
      session,
      'select datname from pg_database where datallowconn and not datistemplate order by datname collate "C"',
    );
  });
  for (const { datname } of names) {
    signal?.throwIfAborted();
    const prefix = datname === database ? "" : `${datname}.`;
    await inSession(connect, datname, async (session) => {
      const found = await readObjects(session, DATABASE_OBJECTS);
      found.push(...(await readSequences(session)));
      objects.push(...found.map((object) => ({ ...object, name: prefix + object.name })));
      for (const table of await readTables(session, rows, signal))
        tables.push({ ...table, schema: prefix + table.schema });
    });
  }
  objects.sort(
    (a, b) => order(a.kind, b.kind) || order(a.name, b.name) || order(a.definition, b.definition),
  );
  return { digest: digestOf({ objects, tables }), objects, tables };
}

async function inSession<T>(
  connect: Connect,
  database: string,
  work: (session: FingerprintSession) => Promise<T>,
): Promise<T> {
  const session = await connect(database);
  try {
    await session.query(SESSION);
    return await work(session);
  } finally {
    await session.end();
  }
}

async function readObjects(
  session: FingerprintSession,
  statements: readonly string[],
): Promise<StateObject[]> {
  const found: StateObject[] = [];
  for (const statement of statements) {
    const rows = await read<{ kind: string; name: string; definition: string | null }>(
      session,
      statement,
    );
    found.push(...rows.map((row) => ({ ...row, definition: row.definition?.trim() ?? "" })));
  }
  return found;
}

async function readSequences(session: FingerprintSession): Promise<StateObject[]> {
  const sequences = await read<{ name: string }>(session, SEQUENCES);
  const found: StateObject[] = [];
  for (let start = 0; start < sequences.length; start += TABLES_AT_ONCE) {
    const part = sequences.slice(start, start + TABLES_AT_ONCE);
    const statement = part.map(
      ({ name }) =>
        `select ${literal(name)} as name, last_value::text || case when is_called then '' else ' next' end as definition from ${name}`,
    );
    const rows = await read<{ name: string; definition: string }>(
      session,
      statement.join(" union all "),
    );
    found.push(...rows.map((row) => ({ kind: "sequence value", ...row })));
  }
  return found;
}

async function readTables(
  session: FingerprintSession,
  withDigest: boolean,
  signal: AbortSignal | undefined,
): Promise<TableRows[]> {
  const sources = await read<{ schema: string; name: string }>(session, ROW_SOURCES);
  const found: TableRows[] = [];
  for (let start = 0; start < sources.length; start += TABLES_AT_ONCE) {
    signal?.throwIfAborted();
    const part = sources.slice(start, start + TABLES_AT_ONCE);
    const statement = part.map(({ schema, name }, n) =>
      tableStatement(schema, name, n, withDigest),
    );
    const rows = await read<{ n: number; rows: string; digest: string | null }>(
      session,
      statement.join(" union all "),
    );
    found.push(
      ...rows.map((row) => ({ ...part[row.n]!, rows: Number(row.rows), digest: row.digest })),
    );
  }
  return found;
}

/** The sums of two 64-bit hashes of all rows: the same in any order, and differs when a row comes twice. */
function tableStatement(schema: string, name: string, n: number, withDigest: boolean): string {
  const row = '("a row".*)::text collate "C"';
  const sum = (seed: number) =>
    `coalesce(sum(hashtextextended(${row}, ${seed})::numeric), 0)::text`;
  const digest = withDigest ? `${sum(0)} || ' ' || ${sum(77)}` : "null::text";
  return `select ${n} as n, count(*)::text as rows, ${digest} as digest from only ${schema}.${name} as "a row"`;
}

async function read<T>(session: FingerprintSession, statement: string): Promise<T[]> {
  const { rows } = await session.query(statement);
  return rows as T[];
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function digestOf(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}
