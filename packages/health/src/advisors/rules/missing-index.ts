import type { TableStats } from "@quern/contract/agent/relations";
import { sql } from "kysely";
import { rowsOf, tablesOf, tableWork, tooShort, type WorkWindow } from "../facts-relations.ts";
import { advice, fact, fixBy, found, judged } from "../finding.ts";
import { qualified } from "../names.ts";
import type { Found, Rule, Subject } from "../rule.ts";

const HOURS = 24;
const SCANS = 50;
const ROWS_PER_SCAN = 10_000;
const INDEX_SHARE = 0.95;
const ROWS = 10_000;
const BYTES = 10 * 1024 * 1024;
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
    return judged(scanned.map((table) => findingOf(table, work, linked)));
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

type Linked = {
  id: number;
  query: string | null;
  tables: string[];
  time_ms: number;
  cost: number | null;
  best: { definition: string; total_cost: number } | null;
};

/** Statements of the window that read tables, the dearest first, with the best index that a plan was tried with. */
async function linkedStatements(subject: Subject, { from, to }: WorkWindow): Promise<Linked[]> {
  const { rows } = await sql<Linked>`
    with spent as (
      select each.id, sum(each.time_ms) as time_ms
      from health_statement_points as points
        cross join unnest(points.statement_ids, points.total_time_ms) as each (id, time_ms)
      where points.database_id = ${subject.database_id} and points.at > ${from} and points.at <= ${to}
      group by each.id
    )
    select statements.id, statements.query, statements.tables, spent.time_ms, plan.total_cost as cost, plan.best
    from spent join health_statements as statements on statements.id = spent.id
      left join lateral (
        select plans.total_cost, (
          select each.tried from jsonb_array_elements(plans.hypothetical) as each (tried)
          order by (each.tried ->> 'total_cost')::float8 limit 1) as best
        from health_plans as plans where plans.statement_id = statements.id
        order by plans.last_seen_at desc limit 1
      ) as plan on true
    where cardinality(statements.tables) > 0
    order by spent.time_ms desc limit 1000`.execute(subject.db);
  return rows;
}

function findingOf(table: TableStats, work: WorkWindow, all: readonly Linked[]): Found {
  const { seq_scan, seq_tup_read, idx_scan } = work.workOf(table.schema, table.table);
  const names = new Set([table.table, `${table.schema}.${table.table}`]);
  const own = all.filter(({ tables }) => tables.some((name) => names.has(name)));
  const proof = own.find(
    ({ cost, best }) => cost !== null && best !== null && best.total_cost <= cost * (1 - GAIN),
  );
  const top = proof ?? own[0];
  const evidence = [
    fact("scans", seq_scan, "count", SCANS),
    fact("rows_per_scan", seq_tup_read / seq_scan, "count", ROWS_PER_SCAN),
    fact("index_share", idx_scan / (idx_scan + seq_scan), "ratio", INDEX_SHARE),
    fact("rows", rowsOf(table), "count", ROWS),
    fact("heap_bytes", Number(table.heap_bytes ?? 0), "bytes", BYTES),
    ...own
      .slice(0, 3)
      .flatMap(({ query }, place) =>
        query === null ? [] : [fact(`statement_${place + 1}`, query.slice(0, 2_000), "sql")],
      ),
    ...(proof?.best
      ? [
          fact("cost_now", proof.cost, "count"),
          fact("cost_with_index", proof.best.total_cost, "count"),
        ]
      : []),
  ];
  const more = { window: { from: work.from, to: work.to }, statement_id: top?.id ?? null };
  const object = qualified({ schema: table.schema, name: table.table });
  if (proof?.best) {
    const fix = fixBy(
      concurrently(proof.best.definition),
      "The planner would use this index.",
      true,
    );
    return found(object, "warning", evidence, { ...more, fix });
  }
  const words =
    "A candidate, not a verdict: look at the plan of the statements above, and index the columns that they compare with equality first.";
  return found(object, "info", evidence, { ...more, confidence: "low", fix: advice(words) });
}

/** HypoPG says it without. */
function concurrently(definition: string): string {
  const made = definition.trim().replace(/;$/, "");
  return `${made.replace(/^create( unique)? index (?!concurrently)/i, "create$1 index concurrently ")};`;
}
