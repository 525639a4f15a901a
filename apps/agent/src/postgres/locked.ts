/**
 * Relations whose sizes must not be asked for: the functions would queue behind an ACCESS EXCLUSIVE lock, and be it only
 * waited for. A lock on a table's index or TOAST table counts as one on the table.
 */

/** A common table expression `locked (oid)`, materialised: looked up once, before anything is asked. */
export const LOCKED = `locked as materialized (
    with held as (select distinct l.relation as oid from pg_locks as l
      where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
        and l.database = (select d.oid from pg_database as d where d.datname = current_database()))
    select h.oid from held as h
    union select i.indrelid from pg_index as i join held as h on h.oid = i.indexrelid
    union select c.oid from pg_class as c join held as h on h.oid = c.reltoastrelid)`;
