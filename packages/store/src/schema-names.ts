import { sql } from "kysely";
import type { Database } from "./db.ts";

/** Makes the names of the datasource's last introspection those that the search finds. */
export async function indexSchemaNames(db: Database, datasourceId: string): Promise<void> {
  await sql`delete from schema_names where datasource_id = ${datasourceId}`.execute(db);
  await sql`
    insert into schema_names (datasource_id, schema_name, relation_name, kind, columns)
    select datasource_schemas.datasource_id, schemas ->> 'name', relations ->> 'name', relations ->> 'kind', coalesce((
      select string_agg(columns ->> 'name', E'\n' order by ordinality)
      from jsonb_array_elements(relations -> 'columns') with ordinality as columns (columns, ordinality)), '')
    from datasource_schemas
    cross join jsonb_array_elements(snapshot -> 'schemas') as schemas
    cross join jsonb_array_elements(schemas -> 'relations') as relations
    where datasource_schemas.datasource_id = ${datasourceId}
    on conflict do nothing`.execute(db);
}
