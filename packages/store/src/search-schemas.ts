/** Tables and columns of the schemas that were read, as the search sees them. */
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import { visibleDatasource } from "./grants.ts";
import { containing } from "./page.ts";
import { containsAll, nameScore, type Words } from "./search-words.ts";

type Scope = { actor: Actor; words: Words; limit: number };

// The expression of the index schema_names_search (migration 0016), letter by letter.
const NAMES = sql`(schema_names.relation_name || E'\n' || schema_names.columns)`;
const QUALIFIED = sql`(schema_names.schema_name || '.' || schema_names.relation_name)`;
/** What people look for first has the same score otherwise: a table stands behind a query of the same name. */
const BEHIND = 1;
const FAR_BEHIND = 2;

/** `schema.table` is found as well as `table`. */
export function tableBranch({ actor, words, limit }: Scope): RawBuilder<unknown> {
  const name = words.whole.includes(".") ? QUALIFIED : sql.ref("schema_names.relation_name");
  return sql`
    select 'table' as type, datasources.id as id, schema_names.relation_name as name, datasources.name as context,
      null::uuid as query_id, schema_names.schema_name as schema, schema_names.relation_name as relation,
      'name' as field, schema_names.relation_name as text, ${nameScore(name, words)} - ${BEHIND}::float8 as score,
      null::timestamptz as at
    from schema_names join datasources on datasources.id = schema_names.datasource_id
    where ${containsAll(name, words.each)} and ${visibleDatasource(actor)}
      and ${words.whole.includes(".") ? sql`true` : containsAll(NAMES, words.each)}
    order by score desc, length(schema_names.relation_name)
    limit ${limit}`;
}

/** A column by its name, or by its table's name and its own: `orders price`, `orders.price`. */
export function columnBranch({ actor, words, limit }: Scope): RawBuilder<unknown> {
  const parts = [...new Set(words.each.flatMap((word) => word.split(".").filter(Boolean)))];
  if (parts.length === 0) parts.push(words.whole);
  const either = sql.join(
    parts.map((word) => sql`columns.name ilike ${containing(word)}`),
    sql` or `,
  );
  return sql`
    select 'column' as type, datasources.id as id, columns.name as name, datasources.name as context,
      null::uuid as query_id, schema_names.schema_name as schema, schema_names.relation_name as relation,
      'name' as field, columns.name as text,
      greatest(${nameScore(sql.ref("columns.name"), words)}, 45) - ${FAR_BEHIND}::float8 as score,
      null::timestamptz as at
    from schema_names
    join datasources on datasources.id = schema_names.datasource_id
    cross join unnest(string_to_array(schema_names.columns, E'\n')) as columns (name)
    where ${containsAll(NAMES, parts)} and ${visibleDatasource(actor)} and (${either})
      and ${containsAll(sql`(schema_names.relation_name || '.' || columns.name)`, parts)}
    order by score desc, length(columns.name)
    limit ${limit}`;
}
