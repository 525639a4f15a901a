/** What documents call dashboards and the things on them. */
import { type RawBuilder, sql } from "kysely";
import type { Database } from "./db.ts";

/** By the key of the document, the id of each query, visualization and tile that it made. */
export type DocumentKeys = Record<"queries" | "visualizations" | "tiles", Record<string, string>>;

export const NO_KEYS: DocumentKeys = { queries: {}, visualizations: {}, tiles: {} };

/** Which of the keys dashboards of the first organisation have, deleted ones included. */
export async function knownDashboardKeys(db: Database, keys: string[]): Promise<Set<string>> {
  const { rows } = await sql<{ key: string }>`
    select key from dashboards
    where key = any (${keys}) and org_id = (select id from orgs order by created_at limit 1)`.execute(
    db,
  );
  return new Set(rows.map(({ key }) => key));
}

export async function writeDocumentKeys(
  trx: Database,
  id: string,
  key: string,
  keys: DocumentKeys,
): Promise<void> {
  await sql`
    update dashboards set key = ${key}, document_keys = ${JSON.stringify(keys)} where id = ${id}`.execute(
    trx,
  );
}

/** Imports of one key, and exports that give a dashboard its key, go one after the other. */
export function lockKey(orgId: string, key: string): RawBuilder<unknown> {
  return sql`select pg_advisory_xact_lock(hashtextextended(${`quern.dashboard_key ${orgId} ${key}`}, 0))`;
}

/** `words` as a key: small letters without accents and digits, joined by `-`. */
export function keyOf(words: string): string {
  const plain = words.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "");
  return (
    plain
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "")
      .slice(0, 80)
      .replace(/-$/, "") || "unnamed"
  );
}

/** Keys for things that have none yet: each after its name, with a number where the name is taken. */
export function nameKeys<T extends { id: string; name: string }>(
  things: readonly T[],
  known: Record<string, string>,
): Map<string, string> {
  const keys = new Map(Object.entries(known).map(([key, id]) => [id, key]));
  const taken = new Set(Object.keys(known));
  for (const { id, name } of things) {
    if (keys.has(id)) continue;
    const base = keyOf(name);
    let key = base;
    for (let n = 2; taken.has(key); n++) key = `${base}-${n}`;
    taken.add(key);
    keys.set(id, key);
  }
  return keys;
}
