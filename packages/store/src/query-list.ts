/** Lists of saved queries: filtered, sorted, a page at a time. */
import type { Query, QuerySort } from "@quern/contract/queries";
import { isStorableText } from "@quern/contract/text";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { visibleJoinedQuery } from "./grants.ts";
import { isUuid, toPage } from "./page.ts";
import { isFavorite, isInFolder } from "./placement.ts";
import { type QueryRow, selectQueries, toQuery } from "./queries.ts";
import { containsAll, wordsOf } from "./search-words.ts";

export type QueryFilter = {
  search?: string | undefined;
  datasource_id?: string | undefined;
  /** A folder's id, for what is in it and in folders in it, or `none`. */
  folder_id?: string | undefined;
  tag?: string | undefined;
  favorite?: "true" | undefined;
  created_by?: string | undefined;
  sort?: QuerySort | undefined;
  limit: number;
  cursor?: string | undefined;
};

/** What lists are sorted by, as one value that can be compared; ties go by id. A name's beginning fits into a cursor. */
const SORTS = {
  updated: { key: sql`queries.updated_at`, cast: "timestamptz" },
  name: { key: sql`left(lower(query_versions.name), 60)`, cast: "text" },
  last_run: {
    key: sql`coalesce((last_run.json ->> 'id')::uuid, '00000000-0000-0000-0000-000000000000')`,
    cast: "uuid",
  },
} as const satisfies Record<QuerySort, { key: RawBuilder<unknown>; cast: string }>;

/** Queries the actor may see, the last changed first unless sorted otherwise. A cursor that is not one of ours starts at the beginning. */
export async function listQueries(
  db: Database,
  actor: Actor,
  filter: QueryFilter,
): Promise<{ items: Query[]; next_cursor: string | null }> {
  const sort = filter.sort ?? "updated";
  const { key, cast } = SORTS[sort];
  const direction = sort === "name" ? sql`asc` : sql`desc`;
  const after = readCursor(sort, filter.cursor);
  const further = after
    ? sql`(${key}, queries.id) ${sort === "name" ? sql`>` : sql`<`} (${after.key}::${sql.raw(cast)}, ${after.id}::uuid)`
    : sql`true`;
  const rows = await selectQueries(
    db,
    actor,
    sql`${visibleJoinedQuery(actor)} and ${fitsFilter(actor, filter)} and ${further}`,
    sql`${key} ${direction}, queries.id ${direction}`,
    filter.limit + 1,
  );
  const { items, next_cursor } = toPage(rows, filter.limit, (last) => writeCursor(sort, last));
  return { items: items.map(toQuery), next_cursor };
}

function fitsFilter(actor: Actor, filter: QueryFilter): RawBuilder<unknown> {
  const words = wordsOf(filter.search ?? "");
  const conditions = [
    ...(words
      ? [
          containsAll(
            // The expression of the index query_versions_text_search (migration 0016), letter by letter.
            sql`(query_versions.name || E'\n' || query_versions.description || E'\n' || query_versions.sql)`,
            words.each,
          ),
        ]
      : []),
    ...(filter.datasource_id ? [sql`query_versions.datasource_id = ${filter.datasource_id}`] : []),
    ...(filter.folder_id
      ? [isInFolder(sql.ref("queries.folder_id"), filter.folder_id, actor)]
      : []),
    ...(filter.tag
      ? [
          sql`(queries.tags <> '{}' and exists (
            select from unnest(queries.tags) as tag where lower(tag) = lower(${filter.tag})))`,
        ]
      : []),
    ...(filter.favorite ? [isFavorite(actor, "query")] : []),
    ...(filter.created_by ? [sql`queries.created_by = ${filter.created_by}`] : []),
  ];
  return conditions.length > 0 ? sql.join(conditions, sql` and `) : sql`true`;
}

function writeCursor(sort: QuerySort, last: QueryRow): string {
  const key = {
    updated: last.updated_key,
    name: last.name_key,
    last_run: last.last_run?.id ?? "00000000-0000-0000-0000-000000000000",
  }[sort];
  return Buffer.from(JSON.stringify([sort, key, last.id])).toString("base64url");
}

function readCursor(
  sort: QuerySort,
  cursor: string | undefined,
): { key: string; id: string } | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor ?? "", "base64url").toString());
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const [of, key, id] = Array.isArray(parts) ? parts : [];
  if (of !== sort || typeof key !== "string" || typeof id !== "string" || !isUuid(id))
    return undefined;
  const sound = {
    updated: Number.isFinite(Date.parse(key)),
    name: isStorableText(key),
    last_run: isUuid(key),
  }[sort];
  return sound ? { key, id } : undefined;
}
