/** What is in a schema beside tables: extensions, routines, triggers, publications, and who may create. */
import type { SchemaRoutine, SchemaSnapshot } from "@quern/contract/agent/schema";
import type { z } from "zod";
import { keyedHash } from "../text/keyed-hash.ts";
import { columnsOf, type Facts } from "./facts.ts";
import type { Session } from "./session.ts";
import { flag, json } from "./values.ts";

type Objects = Pick<
  SchemaSnapshot,
  "extensions" | "routines" | "triggers" | "publications" | "schemas"
>;
type Routine = z.infer<typeof SchemaRoutine>;

const USERS = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";

export async function readObjects(session: Session, facts: Facts): Promise<Objects> {
  const schemas = await session.query(
    `select n.nspname as name, has_schema_privilege('public', n.oid, 'create') as public_may_create
       from pg_namespace as n where ${USERS} order by n.oid limit 20000`,
  );
  return {
    extensions: [...facts.extensions]
      .map(([name, extension]) => ({ name, ...extension }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    routines: await readRoutines(session, facts),
    triggers: await readTriggers(session),
    publications: await readPublications(session),
    schemas: schemas.map((row) => ({
      name: row.name ?? "",
      public_may_create: flag(row.public_may_create),
    })),
  };
}

/** A body leaves as a keyed hash, made here: at the server it would need a function that FIPS may forbid. */
async function readRoutines(session: Session, facts: Facts): Promise<Routine[]> {
  const body = columnsOf(facts, "pg_proc").has("prosqlbody") ? "p.prosqlbody::text" : "null";
  const rows = await session.query(
    `select n.nspname as schema, p.proname as name, pg_get_function_identity_arguments(p.oid) as arguments,
       p.prokind as kind, l.lanname as language, p.prosecdef as security_definer,
       exists (select from unnest(p.proconfig) as c(setting) where c.setting like 'search_path=%') as sets_search_path,
       p.proacl is null or exists (select from aclexplode(p.proacl) as x
         where x.grantee = 0 and x.privilege_type = 'EXECUTE') as public_may_execute,
       case when l.lanname in ('c', 'internal') then p.probin || ' ' || p.prosrc
         else p.prosrc || ' ' || coalesce(${body}, '') end as body
       from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace join pg_language as l on l.oid = p.prolang
      where ${USERS} and not exists (select from pg_depend as d
        where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
      order by p.oid limit 50000`,
  );
  return rows.map((row) => ({
    schema: row.schema ?? "",
    name: row.name ?? "",
    arguments: (row.arguments ?? "").slice(0, 4_000),
    kind: row.kind === "p" || row.kind === "a" || row.kind === "w" ? row.kind : "f",
    language: row.language ?? "",
    security_definer: flag(row.security_definer),
    sets_search_path: flag(row.sets_search_path),
    public_may_execute: flag(row.public_may_execute),
    hash: keyedHash(row.body ?? ""),
  }));
}

async function readTriggers(session: Session): Promise<Objects["triggers"]> {
  const rows = await session.query(
    `select n.nspname as schema, c.relname as "table", t.tgname as name, t.tgenabled as enabled
       from pg_trigger as t join pg_class as c on c.oid = t.tgrelid join pg_namespace as n on n.oid = c.relnamespace
      where not t.tgisinternal and ${USERS} order by t.oid limit 50000`,
  );
  return rows.map(({ schema, table, name, enabled }) => ({
    schema: schema ?? "",
    table: table ?? "",
    name: name ?? "",
    enabled: enabled === "D" || enabled === "R" || enabled === "A" ? enabled : "O",
  }));
}

/** The tables of a publication for all of them are the schema's. */
async function readPublications(session: Session): Promise<Objects["publications"]> {
  const rows = await session.query(
    `select p.pubname as name, p.pubupdate as updates, p.pubdelete as deletes, p.puballtables as all_tables,
       case when not p.puballtables then (select json_agg(t.schemaname || '.' || t.tablename order by 1)
         from (select x.* from pg_publication_tables as x where x.pubname = p.pubname
           order by x.schemaname, x.tablename limit 100000) as t) end as tables
       from pg_publication as p order by p.oid limit 1000`,
  );
  return rows.map((row) => ({
    name: row.name ?? "",
    updates: flag(row.updates),
    deletes: flag(row.deletes),
    all_tables: flag(row.all_tables),
    tables: json<string[]>(row.tables) ?? [],
  }));
}
