/** The queries behind dropdowns: that they are there, get what they need, and do not lead in a circle. */
import type { Parameter } from "@quern/contract/parameters";
import type { ParameterProblem } from "@quern/contract/parameters/errors";
import { readTemplate } from "@quern/contract/parameters/template";
import type { Query } from "@quern/contract/queries";
import type { Actor } from "@quern/store/actor";
import type { Database } from "@quern/store/db";
import { readQuery } from "@quern/store/queries";

/** A text parameter of this name in an options query gets what the person typed into the dropdown. */
export const SEARCH = "search";

/** Longer chains are refused like circles. */
const MAX_CHAIN = 20;

/** What is wrong with the options queries of a query that is to be saved; `id` is null for a new one. */
export async function checkOptionsQueries(
  db: Database,
  actor: Actor,
  id: string | null,
  definitions: readonly Parameter[],
): Promise<ParameterProblem[]> {
  const problems: ParameterProblem[] = [];
  for (const [index, definition] of definitions.entries()) {
    if (definition.options_query === undefined) continue;
    const wrong = await checkOne(db, actor, id, definition);
    if (wrong === null) continue;
    const path = `params.${index}.options_query.${wrong.field}`;
    problems.push({ path, message: `“${definition.name}”: ${wrong.message}` });
  }
  return problems;
}

type Wrong = { field: "query_id" | "depends_on"; message: string };

async function checkOne(
  db: Database,
  actor: Actor,
  id: string | null,
  definition: Parameter,
): Promise<Wrong | null> {
  const { query_id, depends_on = [] } = definition.options_query!;
  const options = await readQuery(db, actor, query_id);
  if (!options) {
    return {
      field: "query_id",
      message:
        "the query of its options is deleted, or you may not see it. Choose another query, or list the options.",
    };
  }
  if (id !== null && (await leadsTo(db, actor, options, id))) {
    return {
      field: "query_id",
      message:
        "the query of its options takes its own options from this query, by others or at once. Choose another query.",
    };
  }
  const unknown = depends_on.find((name) => !options.params.some((each) => each.name === name));
  if (unknown !== undefined) {
    return {
      field: "depends_on",
      message: `the query of its options has no parameter called “${unknown}”, so nothing can depend on it`,
    };
  }
  const missing = neededNames(options).find((name) => !depends_on.includes(name));
  if (missing === undefined) return null;
  return {
    field: "depends_on",
    message: `the query of its options needs a value for “${missing}”: depend on a parameter of that name, give it a default there, or put its condition into [[ … ]]`,
  };
}

/** Parameters without which the query does not run. */
function neededNames({ sql, params }: Query): string[] {
  const { uses } = readTemplate(sql);
  return params
    .filter(
      ({ name, default: usual, required }) =>
        usual === undefined &&
        required !== false &&
        uses.some((use) => use.name === name && use.block === null),
    )
    .map(({ name }) => name);
}

async function leadsTo(db: Database, actor: Actor, from: Query, goal: string): Promise<boolean> {
  const seen = new Set<string>([from.id]);
  const open: Query[] = [from];
  for (let query = open.pop(); query !== undefined; query = open.pop()) {
    if (query.id === goal || seen.size > MAX_CHAIN) return true;
    for (const { options_query } of query.params) {
      if (options_query === undefined || seen.has(options_query.query_id)) continue;
      seen.add(options_query.query_id);
      const next = await readQuery(db, actor, options_query.query_id);
      if (next) open.push(next);
    }
  }
  return false;
}
