import type { TableStats } from "@quern/contract/agent/relations";
import { sql } from "kysely";
import { comparedColumns } from "../compared-columns.ts";
import { type SchemaFacts, schemaOf } from "../facts.ts";
import { rowsOf, tablesOf, tableWork, tooShort, type WorkWindow } from "../facts-relations.ts";
import { advice, fact, fixBy, found, judged } from "../finding.ts";
import { qualified, quoted } from "../names.ts";
import type { Found, Rule, Subject } from "../rule.ts";

const HOURS = 24;
const SCANS = 50;
const ROWS_PER_SCAN = 10_000;
const INDEX_SHARE = 0.95;
const ROWS = 10_000;
const BYTES = 10 * 1024 * 1024;
/** Statements of a table that are looked into, and columns of an index for one. */
const PARSED = 20;
const COLUMNS = 3;
/** A plan that costs so much less with an index that does not exist. */
const GAIN = 0.3;

export const rule: Rule = {
  id: "missing-index",
  title: "Table that is read as a whole again and again",
  category: "performance",
  explanation:
    "Many scans read all its rows, and few look rows up by an index. An index on what the statements filter or join by would save most of that work. Without a proof by a plan it stays a candidate.",
  source:
    "PgHero: under 95 % of scans by an index; 50 scans a day of 10,000 rows each (own); confirmed by HypoPG when the plan gets 30 % cheaper.",
  weight: { info: 2, warning: 8, critical: 8 },
  caps: false,
  of: "database",
  every_s: 1800,
  needs: ["tables"],
  engines: ["postgres"],
  async judge(subject) {
    const work = await tableWork(subject, HOURS);
    const short = tooShort(work);
    if (short) return short;
    const scanned = [...(await tablesOf(subject)).values()].filter((table) =>
      isScanned(table, work),
    );
    if (scanned.length === 0) return judged([]);
    const linked = await linkedStatements(subject, work);
    const schema = await schemaOf(subject);
    const found: Found[] = [];
    for (const table of scanned) found.push(await findingOf(table, work, linked, schema));
    return judged(found);
  },
};

function isScanned(table: TableStats, work: WorkWindow): boolean {
  const { seq_scan, seq_tup_read, idx_scan } = work.workOf(table.schema, table.table);
  return (
    seq_scan >= SCANS &&
    seq_tup_read / seq_scan >= ROWS_PER_SCAN &&
    idx_scan / (idx_scan + seq_scan) < INDEX_SHARE &&
    rowsOf(table) >= ROWS &&
    Number(table.heap_bytes ?? table.size_bytes ?? BYTES) >= BYTES
  );
}

type Tried = { definition: string; total_cost: number };
type Linked = {
  id: number;
  query: string | null;
  tables: string[];
  time_ms: number;
  cost: number | null;
  tried: Tried[] | null;
};

/** Statements of the window that read tables, the dearest first, with the indexes that a plan was tried with. */
async function linkedStatements(subject: Subject, { from, to }: WorkWindow): Promise<Linked[]> {
  const { rows } = await sql<Linked>`
    with spent as (
      select each.id, sum(each.time_ms) as time_ms
      from health_statement_points as points
        cross join unnest(points.statement_ids, points.total_time_ms) as each (id, time_ms)
      where points.database_id = ${subject.database_id} and points.at > ${from} and points.at <= ${to}
      group by each.id
    )
    select statements.id, statements.query, statements.tables, spent.time_ms, plan.total_cost as cost,
      plan.hypothetical as tried
    from spent join health_statements as statements on statements.id = spent.id
      left join lateral (
        select plans.total_cost, plans.hypothetical from health_plans as plans
        where plans.statement_id = statements.id order by plans.last_seen_at desc limit 1
      ) as plan on true
    where cardinality(statements.tables) > 0 and statements.kind is distinct from 'utility'
    order by spent.time_ms desc limit 1000`.execute(subject.db);
  return rows;
}

async function findingOf(
  table: TableStats,
  work: WorkWindow,
  all: readonly Linked[],
  schema: SchemaFacts | undefined,
): Promise<Found> {
  const { seq_scan, seq_tup_read, idx_scan } = work.workOf(table.schema, table.table);
  const names = new Set([table.table, `${table.schema}.${table.table}`]);
  const own = all.filter(({ tables }) => tables.some((name) => names.has(name)));
  const proof = proofOf(table, own);
  const candidate = proof ? undefined : await candidateOf(table, own, schema);
  const object = qualified({ schema: table.schema, name: table.table });
  const evidence = [
    fact("scans", seq_scan, "count", SCANS),
    fact("rows_per_scan", seq_tup_read / seq_scan, "count", ROWS_PER_SCAN),
    fact("index_share", idx_scan / (idx_scan + seq_scan), "ratio", INDEX_SHARE),
    fact("rows", rowsOf(table), "count", ROWS),
    ...(table.heap_bytes == null
      ? []
      : [fact("heap_bytes", Number(table.heap_bytes), "bytes", BYTES)]),
    ...own
      .slice(0, 3)
      .flatMap(({ query }, place) =>
        query === null ? [] : [fact(`statement_${place + 1}`, query.slice(0, 2_000), "sql")],
      ),
    ...(candidate ? [fact("compared_columns", candidate.columns.join(", "), "text")] : []),
    ...(proof
      ? [fact("cost_now", proof.cost, "count"), fact("cost_with_index", proof.best, "count")]
      : []),
  ];
  const statement_id = (proof?.statement ?? candidate?.statement ?? own[0])?.id ?? null;
  const more = { window: { from: work.from, to: work.to }, statement_id };
  if (proof) {
    const fix = fixBy(concurrently(proof.definition), "The planner would use this index.", true);
    return found(object, "warning", evidence, { ...more, fix });
  }
  const fix = candidate
    ? fixBy(
        `create index ${onPartitions(table, schema) ? "" : "concurrently "}on ${object} (${candidate.columns.map(quoted).join(", ")});`,
        "A candidate, not a verdict: it has the columns that the dearest of these statements compares with equality and that no index begins with. Try it on a sandbox, which says what plans cost with it.",
        true,
      )
    : advice(
        "A candidate, not a verdict: look at the plan of the statements above, and index the columns that they compare with equality first.",
      );
  return found(object, "info", evidence, { ...more, confidence: "low", fix });
}

type Proof = { statement: Linked; cost: number; best: number; definition: string };

/** The first statement whose plan got so much cheaper by an index of this table. */
function proofOf(table: TableStats, own: readonly Linked[]): Proof | undefined {
  for (const statement of own) {
    const { cost, tried } = statement;
    const [best] = (tried ?? [])
      .filter(({ definition }) => isOn(table, definition))
      .sort((left, right) => left.total_cost - right.total_cost);
    if (cost !== null && best !== undefined && best.total_cost <= cost * (1 - GAIN))
      return { statement, cost, best: best.total_cost, definition: best.definition };
  }
  return undefined;
}

const ON = /\son\s+(?:only\s+)?((?:"(?:[^"]|"")+"|[^\s".(]+)(?:\.(?:"(?:[^"]|"")+"|[^\s".(]+))?)/i;

/** Statements join tables, and an index of another one proves nothing of this. */
function isOn({ schema, table }: TableStats, definition: string): boolean {
  const of = ON.exec(definition)?.[1];
  return of === qualified({ schema, name: table }) || of === quoted(table);
}

type Candidate = { statement: Linked; columns: string[] };

/** What the dearest statement compares that no index begins with. */
async function candidateOf(
  table: TableStats,
  own: readonly Linked[],
  schema: SchemaFacts | undefined,
): Promise<Candidate | undefined> {
  if (schema === undefined) return undefined;
  const usable = schema.indexes.filter(
    (index) =>
      index.schema === table.schema &&
      index.table === table.table &&
      index.is_valid !== false &&
      !index.predicate,
  );
  const leads = new Set(usable.map(({ keys, columns }) => keys?.[0]?.column ?? columns[0]));
  for (const statement of own.slice(0, PARSED)) {
    if (statement.query === null) continue;
    const name = { schema: table.schema, name: table.table };
    const columns = await comparedColumns(statement.query, name, schema.tables);
    if (columns.length > 0 && !columns.some((each) => leads.has(each)))
      return { statement, columns: columns.slice(0, COLUMNS) };
  }
  return undefined;
}

function onPartitions({ schema, table }: TableStats, facts: SchemaFacts | undefined): boolean {
  const of = facts?.tables.find((each) => each.schema === schema && each.name === table);
  return of?.kind === "p";
}

/** HypoPG says it without. */
function concurrently(definition: string): string {
  const made = definition.trim().replace(/;$/, "");
  return `${made.replace(/^create( unique)? index (?!concurrently)/i, "create$1 index concurrently ")};`;
}
