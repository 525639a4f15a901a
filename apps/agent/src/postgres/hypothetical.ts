/**
 * What statements would cost with an index that does not exist, where HypoPG is installed: one on the columns that the
 * plan's own filters compare with equality, for each table that it reads as a whole. Such an index is in the memory of
 * this session alone; nothing is built, read or written.
 */
import type { StatementPlan } from "@quern/contract/agent/statements";
import type { Facts } from "./facts.ts";
import type { Session } from "./session.ts";
import { json } from "./values.ts";

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type Hypothetical = NonNullable<StatementPlan["hypothetical"]>;

/** Tables of one statement, and columns of one index. */
const TABLES = 3;
const COLUMNS = 3;

export type Candidate = { schema: string; table: string; columns: string[] };

/**
 * Tries them in the transaction that is open. `explain` is the statement's own EXPLAIN in JSON, with further options in
 * front of the format. Costs are the planner's. Undefined where HypoPG is not installed.
 */
export async function tryIndexes(
  session: Pick<Session, "query">,
  { extensions }: Pick<Facts, "extensions">,
  explain: (options: string) => string,
): Promise<Hypothetical | undefined> {
  const hypopg = extensions.get("hypopg");
  if (hypopg === undefined) return undefined;
  const call = (name: string) => `"${hypopg.schema.replaceAll('"', '""')}".${name}`;
  const planned = async (options: string) => {
    const [row] = await session.query(explain(options));
    const answer = json<Json>(Object.values(row ?? {})[0]);
    return Array.isArray(answer) ? (answer[0] ?? null) : null;
  };
  // What a transaction that failed has left would be in every plan after it.
  await session.query(`select ${call("hypopg_reset")}()`);
  const found: Hypothetical = [];
  for (const { schema, table, columns } of candidates(await planned("verbose, "))) {
    const [row] = await session.query(
      "select pg_catalog.format('create index on %I.%I ', $1::text, $2::text) as begin",
      [schema, table],
    );
    const definition = `${row?.begin ?? ""}(${columns.join(", ")})`;
    await session.query(`select * from ${call("hypopg_create_index")}($1)`, [definition]);
    const total_cost = costOf(await planned(""));
    await session.query(`select ${call("hypopg_reset")}()`);
    if (total_cost !== null) found.push({ definition, total_cost });
  }
  return found;
}

/** Tables that a verbose plan reads as a whole with a filter, and the columns that it compares there, as PostgreSQL quotes them. */
export function candidates(explained: Json): Candidate[] {
  const found = new Map<string, Candidate>();
  const visit = (node: Json) => {
    if (Array.isArray(node)) for (const each of node) visit(each);
    if (!isObject(node)) return;
    const { Schema: schema, "Relation Name": table, Filter: filter, Alias: alias } = node;
    const columns =
      node["Node Type"] === "Seq Scan" && typeof filter === "string"
        ? comparedIn(filter, String(alias))
        : [];
    if (typeof schema === "string" && typeof table === "string" && columns.length > 0)
      found.set(`${schema}.${table} ${columns.join()}`, { schema, table, columns });
    for (const inner of Object.values(node)) if (typeof inner === "object") visit(inner);
  };
  visit(explained);
  return [...found.values()].slice(0, TABLES);
}

/** `(o.customer_id = $1) AND ((o.state)::text = $2)`; none where one of several conditions would do. */
function comparedIn(filter: string, alias: string): string[] {
  if (/ OR /.test(filter)) return [];
  const name = /^[a-z_][a-z0-9_$]*$/.test(alias) ? alias : `"${alias.replaceAll('"', '""')}"`;
  const of = new RegExp(
    `(?<![\\w".])${escaped(name)}\\.("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)\\)?(?:::[a-z ]+)? = `,
    "g",
  );
  const columns = [...filter.matchAll(of)].map(([, column]) => column ?? "");
  return [...new Set(columns)].slice(0, COLUMNS);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function costOf(explained: Json): number | null {
  const plan = isObject(explained) ? explained.Plan : null;
  const cost = isObject(plan ?? null) ? (plan as { [key: string]: Json })["Total Cost"] : null;
  return typeof cost === "number" ? cost : null;
}

function isObject(value: Json): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
