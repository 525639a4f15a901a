/** Which databases of the server are monitored. */
import type { CollectionConfig } from "../config/agent-config.ts";
import { matchesAny } from "../engine/globs.ts";
import type { Session } from "./session.ts";

/** Databases that managed services keep for themselves. */
const SERVICE_DATABASES = new Set([
  "rdsadmin",
  "cloudsqladmin",
  "alloydbadmin",
  "alloydbmetadata",
  "azure_maintenance",
  "azure_sys",
  "_aiven",
  "_dodb",
]);

export type Monitored = { name: string; oid: string };

/**
 * The database of the URL first, then those that the globs admit, by name. Without `include` the first is the only one;
 * a template, one that allows no connections, and one the role may not connect to is never among them.
 */
export async function discoverDatabases(
  session: Session,
  first: string,
  globs: CollectionConfig["databases"],
): Promise<Monitored[]> {
  const rows = await session.query(
    `select d.datname as name, d.oid from pg_database as d
      where d.datname = $1 or (d.datallowconn and not d.datistemplate and has_database_privilege(d.oid, 'connect'))
      order by d.datname <> $1, d.datname`,
    [first],
  );
  return rows
    .map(({ name, oid }) => ({ name: name ?? "", oid: oid ?? "" }))
    .filter(({ name }) => name === first || isAdmitted(name, globs));
}

/** Whether `include` names it and `exclude` does not. */
export function isAdmitted(
  name: string,
  { include, exclude }: CollectionConfig["databases"],
): boolean {
  if (SERVICE_DATABASES.has(name)) return false;
  return matchesAny(name, include) && !matchesAny(name, exclude);
}
