/**
 * Plans of slow statements, where the operator asks for them: EXPLAIN (GENERIC_PLAN) of the normalised text, 16 and
 * later. Nothing is executed; what is sent has the shape and the costs, and conditions without their literals.
 */
import { createHash } from "node:crypto";
import type { StatementPlan } from "@quern/contract/agent/statements";
import type { PlansConfig } from "../config/agent-config.ts";
import { SectionError } from "../engine/section.ts";
import { measure } from "../engine/values.ts";
import { normaliseExpression } from "../text/expression.ts";
import { parseStatements, UnparsableError } from "../text/parser.ts";
import type { Facts } from "./facts.ts";
import { tryIndexes } from "./hypothetical.ts";
import { isOwn, type Session } from "./session.ts";
import { hashOf, statementsCall } from "./statement-rows.ts";
import { codeOf, endsSession } from "./unreachable.ts";
import { json } from "./values.ts";

const GENERIC_PLAN_SINCE = 160_000;
/** Between two plans of one statement. */
const AGAIN_AFTER_MS = 60 * 60_000;
const TIMEOUT = "2s";
const EXPLAINABLE = /^\s*(?:\/\*[^*]*\*\/\s*)*(select|insert|update|delete|merge|with)\b/i;

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** When a statement was last explained, by query_hash. */
export type PlanMemory = Map<string, number>;

export async function readPlans(
  session: Session,
  facts: Facts,
  config: PlansConfig,
  memory: PlanMemory,
  now: number,
): Promise<{ plans: StatementPlan[]; refused: number }> {
  if (facts.version_num < GENERIC_PLAN_SINCE) {
    throw new SectionError("not_supported", "EXPLAIN (GENERIC_PLAN) needs PostgreSQL 16 or later.");
  }
  const plans: StatementPlan[] = [];
  let refused = 0;
  for (const { hash, query } of await slowStatements(session, facts, config)) {
    if (plans.length + refused >= config.max_per_collection) break;
    if (now - (memory.get(hash) ?? Number.NEGATIVE_INFINITY) < AGAIN_AFTER_MS) continue;
    memory.set(hash, now);
    const explained = await explain(session, facts, query);
    if (explained === null) refused += 1;
    else plans.push(planOf(hash, explained, new Date(now)));
  }
  if (memory.size > 10_000) memory.delete(memory.keys().next().value ?? "");
  return { plans, refused };
}

async function slowStatements(session: Session, facts: Facts, { min_mean_ms }: PlansConfig) {
  const rows = await session.query(
    `select s.queryid, max(s.query) as query from ${statementsCall(facts, true)} as s
      where s.dbid = $1::oid and s.calls > 0 and s.total_exec_time / s.calls >= $2::float8
      group by s.queryid order by sum(s.total_exec_time) desc limit 200`,
    [facts.database_oid, String(min_mean_ms)],
  );
  return rows
    .map(({ queryid, query }) => ({ hash: hashOf(queryid ?? "0"), query: query ?? "" }))
    .filter(({ query }) => EXPLAINABLE.test(query) && !isOwn(query) && isOneStatement(query));
}

function isOneStatement(query: string): boolean {
  try {
    return parseStatements(query).length === 1;
  } catch (error) {
    if (error instanceof UnparsableError) return false;
    throw error;
  }
}

type Explained = { plan: Json; hypothetical: StatementPlan["hypothetical"] };

/** Null where this role may not read the tables, or the text is no statement by itself. */
async function explain(session: Session, facts: Facts, query: string): Promise<Explained | null> {
  const statement = (options: string) => `explain (generic_plan, ${options}format json) ${query}`;
  try {
    return await session.readOnly(async () => {
      await session.query(
        `select set_config('statement_timeout', '${TIMEOUT}', true), set_config('search_path',
           (select s.reset_val from pg_settings as s where s.name = 'search_path'), true)`,
      );
      // The protocol's simple form, since the parameters of the text are to stay unbound.
      const [row] = await session.query(statement(""));
      const plan = json<Json>(Object.values(row ?? {})[0]);
      return plan === null
        ? null
        : { plan, hypothetical: await tryIndexes(session, facts, statement) };
    });
  } catch (error) {
    if (endsSession(error) || !/^[0-9A-Z]{5}$/.test(codeOf(error))) throw error;
    return null;
  }
}

/** Fields of a plan that hold names and words of the planner; numbers and truth values stay as they are. */
const WORDS = new Set([
  ...["Node Type", "Strategy", "Partial Mode", "Join Type", "Parent Relationship", "Command"],
  ...["Operation", "Scan Direction", "Relation Name", "Schema", "Alias", "Index Name", "CTE Name"],
  ...["Subplan Name", "Function Name", "Cache Mode"],
]);
/** Fields that hold expressions. */
const EXPRESSIONS = new Set([
  ...["Filter", "Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "Join Filter", "TID Cond"],
  ...["One-Time Filter", "Sort Key", "Group Key", "Presorted Key", "Cache Key", "Order By"],
]);

/** `explain`'s JSON as it may be sent. */
function planOf(
  hash: string,
  { plan: explained, hypothetical }: Explained,
  at: Date,
): StatementPlan {
  const root = Array.isArray(explained) ? explained[0] : explained;
  const plan = cleaned(isObject(root) ? (root.Plan ?? null) : null);
  return {
    query_hash: hash,
    plan_hash: createHash("sha256").update(shapeOf(plan)).digest("hex").slice(0, 32),
    plan,
    total_cost: isObject(plan) ? measure(String(plan["Total Cost"])) : null,
    at: at.toISOString(),
    ...(hypothetical && hypothetical.length > 0 ? { hypothetical } : {}),
  };
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function cleaned(value: Json): Json {
  if (!isObject(value)) return null;
  const kept: { [key: string]: Json } = {};
  for (const [key, inner] of Object.entries(value)) {
    if (key === "Plans" && Array.isArray(inner)) kept[key] = inner.map(cleaned);
    else if (typeof inner === "number" || typeof inner === "boolean") kept[key] = inner;
    else if (typeof inner === "string" && WORDS.has(key)) kept[key] = inner;
    else if (EXPRESSIONS.has(key)) kept[key] = withoutLiterals(inner);
  }
  return kept;
}

function withoutLiterals(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutLiterals);
  return typeof value === "string" ? normaliseExpression(value).text : null;
}

/** Nodes, relations, indexes and the order of joins, without costs and conditions. */
function shapeOf(plan: Json): string {
  if (!isObject(plan)) return "";
  const inner = Array.isArray(plan.Plans) ? plan.Plans.map(shapeOf) : [];
  const own = [...WORDS].map((key) => plan[key] ?? "");
  return JSON.stringify([own, inner]);
}
