/**
 * Which runs a list or a histogram is about. Each is read along one index, the newest first, and no further than so many
 * entries: what the index cannot tell is looked at run by run. So nothing ever reads the whole history.
 */
import type { RunStatus } from "@quern/contract/run-started";
import type { RunKind, RunTrigger } from "@quern/contract/runs";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { groupsDatasources, visibleRun } from "./grants.ts";
import { containing } from "./page.ts";

export type RunFilter = {
  status?: RunStatus | undefined;
  kind?: RunKind | undefined;
  trigger?: RunTrigger | undefined;
  datasource_id?: string | undefined;
  query_id?: string | undefined;
  created_by?: string | undefined;
  related_to?: string | undefined;
  derived?: "true" | "false" | undefined;
  search?: string | undefined;
  /** Queued at this instant or later, and before that one. */
  from?: string | undefined;
  to?: string | undefined;
};

/** People with more datasources than this are taken to see most runs: then the history itself is read. */
const MANY_DATASOURCES = 20;

/**
 * Selects at most `budget` rows of runs below the id `before`, the newest first, along the index that narrows most.
 * The `budget` that is returned is how many it selects at most: less for a person who sees few datasources, since each of
 * these is read, and the heads of jobs.
 */
export async function candidates(
  db: Database,
  actor: Actor,
  filter: RunFilter,
  before: string | null,
  budget: number,
): Promise<{ some: RawBuilder<unknown>; budget: number }> {
  const range = sql`id < ${before ?? LAST_ID}::uuid and id < ${boundary(filter.to) ?? LAST_ID}::uuid
    and id >= ${boundary(filter.from) ?? FIRST_ID}::uuid`;
  const along = (
    condition: RawBuilder<unknown>,
    columns = sql`id`,
    from = sql`runs`,
    limit = budget,
  ) =>
    sql`select ${columns} from ${from} where ${condition} and ${range} order by id desc limit ${limit}`;
  const rowsOf = (ids: RawBuilder<unknown>) =>
    sql`select runs.* from (${ids}) as ids join runs on runs.id = ids.id order by ids.id desc`;
  const narrow = narrowest(actor, filter);
  if (narrow) return { some: along(narrow, sql`*`), budget };
  if (filter.status === "queued") {
    const waiting = sql`(select run_id as id, priority_rank from queue) as waiting`;
    const ranks = [1, 2, 3].map(
      (rank) => sql`(${along(sql`priority_rank = ${rank}::smallint`, sql`id`, waiting)})`,
    );
    const ids = sql`select id from (${sql.join(ranks, sql` union all `)}) as ids order by id desc limit ${budget}`;
    return { some: rowsOf(ids), budget };
  }
  if (actor.role !== "admin" && !filter.datasource_id) {
    const { rows } = await sql<{ resource_id: string }>`
      select distinct resource_id from (${groupsDatasources(actor)}) as granted
      limit ${MANY_DATASOURCES + 1}`.execute(db);
    if (rows.length <= MANY_DATASOURCES) {
      const ids = rows.map(({ resource_id }) => resource_id);
      const each = Math.ceil(budget / (ids.length + 2));
      const own = along(sql`created_by = ${actor.user_id}`, sql`id`, sql`runs`, each);
      const ofOne = along(sql`datasource_id = granted.datasource_id`, sql`id`, sql`runs`, each);
      const heads = along(ofKind(actor, "head"), sql`id`, sql`runs`, each);
      const seen = sql`select id from (
        (${own})
        union
        (${heads})
        union
        select of_one.id from unnest(${ids}::uuid[]) as granted (datasource_id) cross join lateral (${ofOne}) as of_one
      ) as seen order by id desc limit ${each}`;
      return { some: rowsOf(seen), budget: each };
    }
  }
  return { some: along(broad(actor, filter), sql`*`), budget };
}

/** A condition with an index of its own under which there are few runs. */
function narrowest(actor: Actor, filter: RunFilter): RawBuilder<unknown> | undefined {
  if (filter.related_to)
    return sql`(retry_of = ${filter.related_to} or source_run_id = ${filter.related_to})`;
  if (filter.status === "running") return sql`status = 'running'`;
  if (filter.query_id) return sql`query_id = ${filter.query_id}`;
  if (filter.created_by) return sql`created_by = ${filter.created_by}`;
  if (filter.kind && filter.kind !== "query") return ofKind(actor, filter.kind);
  if (filter.trigger && filter.trigger !== "user")
    return sql`org_id = ${actor.org_id} and trigger = ${filter.trigger} and trigger <> 'user'`;
  if (filter.status === "failed" || filter.status === "canceled")
    return ended(actor, filter.status);
  return undefined;
}

function ofKind(actor: Actor, kind: RunKind): RawBuilder<unknown> {
  return sql`org_id = ${actor.org_id} and kind = ${kind} and kind <> 'query'`;
}

function broad(actor: Actor, filter: RunFilter): RawBuilder<unknown> {
  if (filter.datasource_id) return sql`datasource_id = ${filter.datasource_id}`;
  if (filter.status === "succeeded") return ended(actor, filter.status);
  return sql`org_id = ${actor.org_id}`;
}

function ended(actor: Actor, status: RunStatus) {
  return sql`org_id = ${actor.org_id} and status = ${status} and finished_at is not null`;
}

/** All that the filter says, and that the actor may see it, of a row called `runs`. */
export function matching(actor: Actor, filter: RunFilter): RawBuilder<boolean> {
  const conditions = [visibleRun(actor)];
  const add = (condition: RawBuilder<boolean>) => conditions.push(condition);
  if (filter.status) add(sql`runs.status = ${filter.status}`);
  if (filter.kind) add(sql`runs.kind = ${filter.kind}`);
  if (filter.trigger) add(sql`runs.trigger = ${filter.trigger}`);
  if (filter.datasource_id) add(sql`runs.datasource_id = ${filter.datasource_id}`);
  if (filter.query_id) add(sql`runs.query_id = ${filter.query_id}`);
  if (filter.created_by) add(sql`runs.created_by = ${filter.created_by}`);
  if (filter.related_to)
    add(sql`(runs.retry_of = ${filter.related_to} or runs.source_run_id = ${filter.related_to})`);
  if (filter.derived === "false") add(sql`runs.kind in ('query', 'introspect', 'head')`);
  if (filter.search) add(sql`runs.sql ilike ${containing(filter.search)}`);
  return sql`${sql.join(conditions, sql` and `)}`;
}

const FIRST_ID = "00000000-0000-0000-0000-000000000000";
const LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/** The lowest id of a run that was queued at `instant`: the first 48 bits of an id are its milliseconds. */
function boundary(instant: string | undefined): string | undefined {
  if (instant === undefined) return undefined;
  const hex = Math.max(0, Date.parse(instant)).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-0000-0000-000000000000`;
}

/** When the run with this id was queued, in milliseconds since 1970. */
export function queuedAt(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
