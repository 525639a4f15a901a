import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { type Database, inTransaction } from "./db.ts";
import { visibleQuery } from "./grants.ts";

/**
 * Copies the current version of a query and its charts into a new query of the actor's, in the same folder with the same
 * tags. Returns the new id; undefined when the actor sees no such query.
 */
export async function forkQuery(
  db: Database,
  actor: Actor,
  id: string,
  name: string | null,
): Promise<string | undefined> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<{ id: string }>`
      insert into queries (org_id, created_by, folder_id, tags)
      select queries.org_id, ${actor.user_id}, queries.folder_id, queries.tags
      from queries where queries.id = ${id} and ${visibleQuery(actor)}
      returning id`.execute(trx);
    const copy = rows[0]?.id;
    if (copy === undefined) return undefined;
    await sql`
      insert into query_versions (query_id, version, name, description, datasource_id, sql, params, limits, result_ttl_s, created_by)
      select ${copy}, 1, coalesce(${name}, left('Copy of ' || query_versions.name, 200)), query_versions.description,
        query_versions.datasource_id, query_versions.sql, query_versions.params, query_versions.limits,
        query_versions.result_ttl_s, ${actor.user_id}
      from queries
      join query_versions on query_versions.query_id = queries.id and query_versions.version = queries.version
      where queries.id = ${id}`.execute(trx);
    await sql`
      insert into visualizations (org_id, query_id, name, config, created_by)
      select org_id, ${copy}, name, config, ${actor.user_id} from visualizations where query_id = ${id} order by id`.execute(
      trx,
    );
    return copy;
  });
}
