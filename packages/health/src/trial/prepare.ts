/** Puts together the trial of a finding's fix out of what is stored of its database. */
import type { StatisticsSnapshot } from "@quern/contract/agent/column-statistics";
import type { IndexStats, SequenceStats, TableStats } from "@quern/contract/agent/relations";
import type { SchemaSnapshot, SchemaTable } from "@quern/contract/agent/schema";
import type { Finding } from "@quern/contract/health/findings";
import type { TrialGap } from "@quern/contract/health/trials";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import type { DatabaseRow } from "../read-databases.ts";
import { readSchema, readSchemaVersions } from "../read-server.ts";
import { gap, type Item, several } from "./ddl.ts";
import type { TrialFacts } from "./facts.ts";
import { HEAD, type SampleParts, trialFiles } from "./files.ts";
import { type Timeable, timeable } from "./parameters.ts";
import { type SampleTable, sampleTables, withoutForeignKeys } from "./sample.ts";
import { type Offered, schemaDdl } from "./schema-ddl.ts";
import { tablesNamed, tablesWritten, within } from "./scope.ts";
import { type ChosenStatement, chooseStatements } from "./statements.ts";
import { type StatisticsItem, statisticsItems } from "./statistics.ts";

/** Statistics can be imported from here on. */
export const TRIAL_ENGINE = 18;

/** A trial cannot be made. `why` is for people. */
export class NoTrial extends Error {
  override name = "NoTrial";
}

/** What a trial is made of a finding. */
export type TriedFinding = Pick<Finding, "rule" | "object" | "statement_id" | "evidence"> & {
  fix: Pick<NonNullable<Finding["fix"]>, "sql" | "sandbox"> | null;
};

export type PreparedTrial = {
  project_tree: Record<string, { content: string }>;
  head_path: string;
  environment: { engine_version: number; extensions: string[] };
  facts: TrialFacts;
  /** Tables whose rows are to be read and added as `rowFiles`; none where none were asked for. */
  sampled: SampleTable[];
};

/**
 * Throws NoTrial where there is nothing to try, or nothing to try it on. With `sample_rows` the project lacks the files
 * of rows (`rowFiles`), which come when they have been read.
 */
export async function prepareTrial(
  db: Database,
  row: DatabaseRow,
  finding: TriedFinding,
  offered: Offered,
  sample_rows: number | null = null,
): Promise<PreparedTrial> {
  const { whole, schema_at } = await demandSchema(db, row, finding);
  const chosen = await chooseWork(db, row.id, finding, whole);
  const { fix, named, touched, statements } = chosen;
  const { snapshot, omitted } = within(whole, touched);
  const documents = await readDocuments(db, row.id);
  const { columns } = documents;
  const made = schemaDdl(snapshot, documents.sequences, offered);
  const again = ofTables(named, snapshot);
  const settings = await plannerSettings(db, row.server_id);
  const items = statisticsItems(snapshot, { ...documents, columns: columns?.body ?? null });
  const asked = { touched, snapshot, items, made: made.items, statements, sample_rows };
  const rows = await sampleOf(asked);
  return {
    sampled: [...(rows?.tables ?? [])],
    project_tree: trialFiles({
      ...{ items: rows?.items ?? made.items, statistics: items, fix, statements, settings },
      sample: rows,
      again: items.filter(({ s, n }) => again.has(`${s}.${n}`)),
      search_path: searchPath(touched.map(({ schema }) => schema)),
    }),
    head_path: HEAD,
    environment: { engine_version: TRIAL_ENGINE, extensions: made.extensions.toSorted() },
    facts: {
      engine: { sandbox: TRIAL_ENGINE, database: majorOf(row.version_num) },
      ...{ fix, settings: Object.keys(settings).length, schema_at },
      statements: statements.map((each) => ({ ...each, reads: readsOf(rows, each.n) })),
      statistics: columns === undefined ? "tables" : "columns",
      statistics_at: columns?.at.toISOString() ?? null,
      gaps: [
        ...touched.filter(({ kind }) => kind === "v").map(viewGap),
        ...[...made.gaps, ...(rows?.gaps ?? [])],
        ...several("table", omitted, "too_many"),
        ...several("statistics", columns?.body.omitted_columns ?? 0, "not_sent"),
      ],
    },
  };
}

/** The newest schema of the database. Throws NoTrial where it is not known, or the finding is not one to be tried. */
async function demandSchema(
  db: Database,
  row: DatabaseRow,
  { fix }: TriedFinding,
): Promise<{ whole: SchemaSnapshot; schema_at: string }> {
  if (row.type !== "postgres")
    throw new NoTrial("Only fixes for PostgreSQL can be tried on a sandbox.");
  if (fix?.sandbox !== true) throw new NoTrial("This finding has no fix that a sandbox could try.");
  const [version] = await readSchemaVersions(db, row.id);
  const whole = version && (await readSchema(db, row.org_id, version.hash));
  if (version === undefined || whole === undefined)
    throw new NoTrial(
      "The schema of this database is not known: its agent has to send the section schema.",
    );
  return { whole, schema_at: version.last_seen_at.toISOString() };
}

/** The fix, the statements that are planned, and the tables of both. Throws NoTrial where there is neither. */
async function chooseWork(
  db: Database,
  database_id: string,
  finding: TriedFinding,
  whole: SchemaSnapshot,
) {
  const sql = finding.fix?.sql ?? null;
  const fix = fixOf(sql);
  const named = tablesNamed(whole, [finding.object, sql ?? "", ...textsOf(finding)]);
  const { statements, written } = await chooseStatements(db, database_id, finding, named, whole);
  if (statements.length === 0 && fix === null)
    throw new NoTrial("The text of this statement is not known, so there is nothing to plan.");
  const touched = [...new Set([...named, ...tablesWritten(whole, written)])];
  return { fix, named, touched, statements };
}

function readsOf(rows: SampleParts | null, n: number): string[] {
  const known = rows?.timeable.get(n);
  return known !== undefined && "reads" in known ? known.reads.map(({ object }) => object) : [];
}

/** null: no rows were asked for. Throws NoTrial where there is no table to take rows of. */
async function sampleOf(of: {
  touched: readonly SchemaTable[];
  snapshot: SchemaSnapshot;
  items: readonly StatisticsItem[];
  made: readonly Item[];
  statements: readonly ChosenStatement[];
  sample_rows: number | null;
}): Promise<(SampleParts & { items: Item[]; gaps: TrialGap[] }) | null> {
  if (of.sample_rows === null) return null;
  const { sampled, gaps } = sampleTables(of.touched, of.snapshot, of.items, of.sample_rows);
  if (sampled.length === 0)
    throw new NoTrial(
      "Neither the fix nor a statement names a table that rows could be copied of.",
    );
  const apart = withoutForeignKeys(of.made);
  const inOrder = [...new Set([...of.touched, ...of.snapshot.tables])];
  const plain = inOrder.toSorted(
    (one, other) => Number(other.schema === "public") - Number(one.schema === "public"),
  );
  const timeables = new Map<number, Timeable>();
  for (const { n, text } of of.statements) timeables.set(n, await timeable(text, plain));
  return {
    ...{ tables: sampled, keys: apart.keys, timeable: timeables, items: apart.items },
    gaps: [...gaps, ...apart.gaps],
  };
}

/** The names of `tables` and their indexes: a fix that writes them anew loses their statistics. */
function ofTables(tables: readonly SchemaTable[], { indexes }: SchemaSnapshot): Set<string> {
  const names = new Set(tables.map(({ schema, name }) => `${schema}.${name}`));
  const own = indexes.filter(({ schema, table }) => names.has(`${schema}.${table}`));
  return new Set([...names, ...own.map(({ schema, name }) => `${schema}.${name}`)]);
}

/** Statements to look at a plan change nothing. */
function fixOf(sql: string | null): string | null {
  return sql === null || /^\s*explain\b/i.test(sql) ? null : sql;
}

function textsOf({ evidence }: TriedFinding): string[] {
  return evidence.flatMap(({ unit, value }) =>
    unit === "text" && typeof value === "string" ? [value] : [],
  );
}

function viewGap({ schema, name }: { schema: string; name: string }): TrialGap {
  return gap("view", `${schema}.${name}`, "not_sent");
}

function searchPath(schemas: readonly string[]): string[] {
  return [...new Set(["public", ...schemas])];
}

function majorOf(version_num: number | null): number | null {
  return version_num === null ? null : Math.floor(version_num / 10_000);
}

type Documents = {
  columns: { at: Date; body: StatisticsSnapshot } | undefined;
  tables: TableStats[];
  indexes: IndexStats[];
  sequences: SequenceStats[];
};

async function readDocuments(db: Database, database_id: string): Promise<Documents> {
  const { rows } = await sql<{ section: string; at: Date; body: unknown }>`
    select distinct on (section) section, at, body from health_documents
    where database_id = ${database_id} and section in ('column_statistics', 'tables', 'indexes', 'sequences')
    order by section, day desc`.execute(db);
  const of = <T>(section: string) =>
    rows.find((each) => each.section === section) as { at: Date; body: T } | undefined;
  return {
    columns: of<StatisticsSnapshot>("column_statistics"),
    tables: of<TableStats[]>("tables")?.body ?? [],
    indexes: of<IndexStats[]>("indexes")?.body ?? [],
    sequences: of<SequenceStats[]>("sequences")?.body ?? [],
  };
}

/** What costs hang on, as the server has it; each may be set by whoever asks for a plan. */
const PLANNER = [
  ...["seq_page_cost", "random_page_cost", "cpu_tuple_cost", "cpu_index_tuple_cost"],
  ...["cpu_operator_cost", "parallel_setup_cost", "parallel_tuple_cost", "effective_cache_size"],
  ...["min_parallel_table_scan_size", "min_parallel_index_scan_size", "work_mem"],
  ...["hash_mem_multiplier", "max_parallel_workers_per_gather", "from_collapse_limit"],
  ...["join_collapse_limit", "geqo", "geqo_threshold", "cursor_tuple_fraction"],
  ...["constraint_exclusion", "effective_io_concurrency"],
];

async function plannerSettings(db: Database, server_id: string): Promise<Record<string, string>> {
  const { rows } = await sql<{ name: string; value: string }>`
    select name, value from health_settings
    where server_id = ${server_id} and until_at is null and value is not null
      and (name = any(${PLANNER}) or name ~ '^enable_[a-z_]+$')
    order by name`.execute(db);
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}
