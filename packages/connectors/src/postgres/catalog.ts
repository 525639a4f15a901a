/**
 * Reading the catalog: all in one repeatable-read transaction, so that the parts fit each other. Schemas and relations
 * have to come; every other part may fail for itself and is then a gap, so that a right that is missing, or a table that
 * somebody rewrites, costs one part.
 */
import pg from "pg";
import * as objects from "./catalog-objects.ts";
import * as relations from "./catalog-relations.ts";

export type Gap = { part: string; message: string };
export type Catalog = Awaited<ReturnType<typeof readCatalog>>;

const LOCK_TIMEOUT_MS = 2_000;

export async function readCatalog(client: pg.Client) {
  await client.query("begin isolation level repeatable read read only");
  await client.query("set local search_path = pg_catalog");
  await client.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
  const gaps: Gap[] = [];
  const rows = async <Row extends object>(sql: string, oids?: string): Promise<Row[]> =>
    (await client.query<Row>(sql, oids === undefined ? [] : [oids])).rows;
  const part = async <Row extends object>(name: string, sql: string, oids: string) => {
    await client.query("savepoint part");
    try {
      const found = await rows<Row>(sql, oids);
      await client.query("release savepoint part");
      return found;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || !costsOnePart(error.code ?? "")) throw error;
      gaps.push({ part: name, message: error.message });
      await client.query("rollback to savepoint part");
      return [];
    }
  };

  const schemas = await rows<relations.CatalogSchema>(relations.SCHEMAS);
  const inSchemas = oidArray(schemas);
  const found = await rows<relations.CatalogRelation>(relations.RELATIONS, inSchemas);
  const ofRelations = oidArray(found);
  const stored = oidArray(found.filter(({ page_bytes }) => page_bytes !== null));
  const catalog = {
    schemas,
    relations: found,
    columns: await part<relations.CatalogColumn>("columns", relations.COLUMNS, ofRelations),
    keys: await part<relations.CatalogKey>("keys", relations.KEYS, ofRelations),
    checks: await part<relations.CatalogCheck>("checks", relations.CHECKS, ofRelations),
    indexes: await part<relations.CatalogIndex>("indexes", relations.INDEXES, ofRelations),
    triggers: await part<relations.CatalogTrigger>("triggers", relations.TRIGGERS, ofRelations),
    functions: await part<objects.CatalogFunction>("functions", objects.FUNCTIONS, inSchemas),
    sequences: await part<objects.CatalogSequence>("sequences", objects.SEQUENCES, inSchemas),
    types: await part<objects.CatalogType>("types", objects.TYPES, inSchemas),
    sizes: await part<relations.CatalogSize>("sizes", relations.SIZES, stored),
    gaps,
  };
  await client.query("commit");
  return catalog;
}

/**
 * A right that is missing, a catalog of a fork without such a column or function (class 42), a feature that is missing, a
 * lock that somebody holds, and something that was dropped meanwhile. A cancel and a lost connection end it all.
 */
function costsOnePart(sqlstate: string): boolean {
  return (
    sqlstate.startsWith("42") ||
    sqlstate.startsWith("0A") ||
    sqlstate === "55P03" ||
    sqlstate === "XX000"
  );
}

function oidArray(rows: { oid: number }[]): string {
  return `{${rows.map(({ oid }) => oid).join()}}`;
}
