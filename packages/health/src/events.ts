/** What happened to databases and their servers, and marks that people and pipelines set. */
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import type { Range } from "./read-range.ts";

export type EventRow = {
  id: string;
  at: Date;
  type: string;
  subject: string | null;
  details: Record<string, unknown>;
  source: "agent" | "api" | "advisor";
  database: { id: string; name: string } | null;
  server: { id: string; name: string } | null;
  created_by: string | null;
};

const COLUMNS = sql`events.id, events.at, events.type, subject, details, source,
  case when databases.id is not null then jsonb_build_object('id', databases.id, 'name', databases.name) end as database,
  case when servers.id is not null then jsonb_build_object('id', servers.id, 'name', servers.name) end as server,
  users.name as created_by`;
const TABLES = sql`health_events as events left join health_databases as databases on databases.id = events.database_id
  left join health_servers as servers on servers.id = events.server_id left join users on users.id = events.created_by`;

export type EventFilter = {
  types?: readonly string[] | undefined;
  limit: number;
  after?: { at: Date; id: string } | undefined;
};

/** Of the database, of its server as a whole and of all of the organisation; one more than `limit` where there are more. */
export async function listEvents(
  db: Database,
  database: Subject,
  range: Pick<Range, "from" | "to">,
  { types, limit, after }: EventFilter,
): Promise<EventRow[]> {
  const { rows } = await sql<EventRow>`
    select ${COLUMNS} from ${TABLES}
    where ${of(database, range)} and (${types ?? null}::text[] is null or events.type = any(${types ?? null}::text[]))
      and (${after?.id ?? null}::uuid is null or (events.at, events.id) < (${after?.at ?? null}, ${after?.id ?? null}::uuid))
    order by events.at desc, events.id desc limit ${limit + 1}`.execute(db);
  return rows;
}

/** How many of each type there are. */
export async function countEvents(
  db: Database,
  database: Subject,
  range: Pick<Range, "from" | "to">,
): Promise<Record<string, number>> {
  const { rows } = await sql<{ type: string; n: number }>`
    select type, count(*)::integer as n from health_events as events where ${of(database, range)} group by type`.execute(
    db,
  );
  return Object.fromEntries(rows.map(({ type, n }) => [type, n]));
}

type Subject = { id: string; org_id: string; server_id: string };

const of = ({ id, org_id, server_id }: Subject, { from, to }: Pick<Range, "from" | "to">) => sql`
  events.org_id = ${org_id} and events.at > ${from} and events.at <= ${to}
  and (events.database_id = ${id} or (events.database_id is null and (events.server_id is null or events.server_id = ${server_id})))`;

export type NewEvent = {
  org_id: string;
  type: "deploy" | "note";
  subject: string;
  at: Date;
  database: { id: string; server_id: string } | null;
  details: Record<string, string>;
  source_key: string | null;
  created_by: string | null;
};

/** Stores an event once for each source key. `made` is false when it was there: what was stored then stays. */
export async function createEvent(
  db: Database,
  event: NewEvent,
): Promise<{ made: boolean; event: EventRow }> {
  const { rows: made } = await sql<{ id: string }>`
    insert into health_events (org_id, server_id, database_id, at, type, subject, details, source, source_key, created_by)
    values (${event.org_id}, ${event.database?.server_id ?? null}, ${event.database?.id ?? null}, ${event.at}, ${event.type},
      ${event.subject}, ${JSON.stringify(event.details)}::jsonb, 'api', ${event.source_key}, ${event.created_by})
    on conflict (org_id, source_key) where source_key is not null do nothing
    returning id`.execute(db);
  const { rows } = await sql<EventRow>`
    select ${COLUMNS} from ${TABLES}
    where events.org_id = ${event.org_id} and (events.id = ${made[0]?.id ?? null}::uuid
      or (${made[0]?.id ?? null}::uuid is null and source_key = ${event.source_key}))`.execute(db);
  return { made: made.length > 0, event: rows[0]! };
}
