/** Which databases of the server are monitored: schemas, as MySQL calls them as well. */
import type { CollectionConfig } from "../config/agent-config.ts";
import { matchesAny } from "../engine/globs.ts";
import type { Address } from "./address.ts";
import type { Session } from "./session.ts";
import { unreachable } from "./unreachable.ts";

/** The server's own, and those that managed services keep for themselves. */
const SYSTEM = new Set([
  ...["information_schema", "performance_schema", "mysql", "sys", "ndbinfo"],
  ...["innodb", "tmp", "rdsadmin", "cloudsqladmin", "mysql_innodb_cluster_metadata"],
  ...["__recycle_bin__", "lost+found"],
]);

/**
 * The database of the URL first, then those that the globs admit, by name. Where the URL names none, and no glob either,
 * all of users are monitored. What the account has no right in is hidden from it. A server without any is monitored by its
 * database `mysql`. Throws UnreachableError for a database of the URL that is not there.
 */
export async function discoverDatabases(
  session: Session,
  address: Address,
  { include, exclude }: CollectionConfig["databases"],
): Promise<string[]> {
  const rows = await session.query(
    "select schema_name as name from information_schema.schemata order by schema_name",
  );
  const names = rows.map(({ name }) => name ?? "");
  const first = address.database;
  if (first !== null && !names.includes(first)) {
    throw unreachable(
      Object.assign(new Error("hidden or not there"), { code: "no_database" }),
      address,
    );
  }
  const globs = first === null && include.length === 0 ? ["*"] : include;
  const admitted = names.filter(
    (name) => !SYSTEM.has(name) && matchesAny(name, globs) && !matchesAny(name, exclude),
  );
  const all = first === null ? admitted : [first, ...admitted.filter((name) => name !== first)];
  return all.length === 0 ? ["mysql"] : all;
}
