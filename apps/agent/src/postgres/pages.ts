/** Reading of many relations piece by piece, so that no statement is long and none waits for a lock twice. */

import { type Row, whole } from "../engine/values.ts";
import type { Session } from "./session.ts";
import { codeOf } from "./unreachable.ts";

const PAGE = 1_000;
const LOCK_NOT_AVAILABLE = "55P03";

export type Relations = { oids: string[]; omitted: number };

/**
 * Relations of users, the largest first, so that a limit leaves out the small ones. Temporary ones are their session's
 * alone, and views of extensions are nobody's work. `kinds` are letters of pg_class.relkind.
 */
export async function listRelations(
  session: Session,
  kinds: string[],
  limit: number,
): Promise<Relations> {
  const rows = await session.query(
    `select c.oid, count(*) over () as found
       from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
      where c.relkind = any($1::"char"[]) and c.relpersistence <> 't'
        and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and (c.relkind <> 'v' or not exists (select from pg_depend as d
          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'))
      order by c.relpages desc, c.oid limit $2`,
    [kinds, limit],
  );
  const oids = rows.map(({ oid }) => oid ?? "");
  return { oids, omitted: (whole(rows[0]?.found) ?? 0) - oids.length };
}

/**
 * Runs `statement` over pages of `oids`, its only parameter. A lock taken between the look for locks and the question
 * for sizes ends a page within 200 ms: it is asked again, and at last without sizes.
 */
export async function readPages<T>(
  session: Session,
  oids: string[],
  statement: (sizes: boolean) => string,
  read: (row: Row) => T,
): Promise<T[]> {
  const found: T[] = [];
  for (let start = 0; start < oids.length; start += PAGE) {
    const page = oids.slice(start, start + PAGE);
    for (let attempt = 1; ; attempt += 1) {
      const sizes = attempt <= 3;
      try {
        const rows = await session.readOnly(() => session.query(statement(sizes), [page]));
        for (const row of rows) found.push(read(row));
        break;
      } catch (error) {
        if (codeOf(error) !== LOCK_NOT_AVAILABLE || !sizes) throw error;
      }
    }
  }
  return found;
}
