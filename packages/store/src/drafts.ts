/**
 * What people have open in the editor. A draft belongs to one person; a write names the revision that it was made on, so
 * that of two devices none writes over what it has not seen.
 */
import type { Draft, DraftContent, DraftHead } from "@quern/contract/drafts";
import { DRAFT_DAYS, MAX_DRAFTS } from "@quern/contract/drafts";
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction } from "./db.ts";
import { visibleQuery } from "./grants.ts";

type Row = Omit<Draft, "updated_at"> & { updated_at: Date };

/** The person's drafts: open ones in their order, then closed ones, the last written first. */
export async function listDrafts(db: Database, actor: Actor): Promise<DraftHead[]> {
  const rows = await selectDrafts(db, actor, sql`true`, sql`null::jsonb`);
  return rows.map(({ content: _none, ...head }) => head);
}

/** One of the person's drafts with its text, by its id or by that of its query. */
export async function readDraft(
  db: Database,
  actor: Actor,
  id: string,
): Promise<Draft | undefined> {
  const where = sql`(drafts.id = ${id} or drafts.query_id::text = ${id})`;
  const [draft] = await selectDrafts(db, actor, where, sql`drafts.content`);
  return draft;
}

async function selectDrafts(
  db: Database,
  actor: Actor,
  where: RawBuilder<unknown>,
  content: RawBuilder<unknown>,
): Promise<Draft[]> {
  const { rows } = await sql<Row>`
    select drafts.id,
      case when queries.id is not null then jsonb_build_object('id', queries.id, 'name', query_versions.name) end as query,
      drafts.content is not null as changed,
      left(coalesce(drafts.content->>'sql', ''), 200) as head,
      drafts.closed_at is null as open,
      drafts.copied, drafts.device, drafts.revision, drafts.updated_at,
      ${content} as content
    from drafts
    left join queries on queries.id = drafts.query_id and ${visibleQuery(actor)}
    left join query_versions on query_versions.query_id = queries.id and query_versions.version = queries.version
    where drafts.user_id = ${actor.user_id} and drafts.org_id = ${actor.org_id} and ${where}
    order by drafts.closed_at is not null, case when drafts.closed_at is null then drafts.position end, drafts.updated_at desc, drafts.id`.execute(
    db,
  );
  return rows.map((row) => ({ ...row, updated_at: row.updated_at.toISOString() }));
}

export type DraftChange = {
  query_id: string | null;
  content: DraftContent | null;
  revision: number;
  device: string;
  writer?: { id: string; n: number } | undefined;
  copied?: boolean | undefined;
};

type Written = { id: string; revision: number; writer: string | null; writes: number | null };

/**
 * Keeps a draft. Throws `Conflict`: `version_conflict` when it is not at `revision` any more, or is new and the query has
 * a draft already; `conflict` when the person has as many as there may be.
 */
export async function writeDraft(
  db: Database,
  actor: Actor,
  id: string,
  change: DraftChange,
): Promise<void> {
  const content = change.content === null ? null : JSON.stringify(change.content);
  await inTransaction(db, async (trx) => {
    // One person's drafts are written one after the other: two first writes of the same draft must not cross.
    await sql`select pg_advisory_xact_lock(hashtext('drafts'), hashtext(${actor.user_id}))`.execute(
      trx,
    );
    const { rows } = await sql<Written>`
      select id, revision, writer, writes from drafts
      where user_id = ${actor.user_id} and (id = ${id} or query_id = ${change.query_id})`.execute(
      trx,
    );
    const current = rows.find((row) => row.id === id);
    const other = rows.find((row) => row.id !== id);
    const { writer } = change;
    const sameWriter = writer !== undefined && current?.writer === writer.id;
    // What the page sent at its end may overtake what it sent before.
    if (sameWriter && writer.n <= current.writes!) return;
    const follows = sameWriter || (current?.revision ?? 0) === change.revision;
    if (!follows || other !== undefined) {
      throw new Conflict(
        "version_conflict",
        "This draft was changed on another device in between. Read it, and keep both.",
      );
    }
    if (current === undefined) {
      await refuseTooMany(trx, actor);
      await sql`
        insert into drafts (user_id, org_id, id, query_id, content, device, copied, writer, writes, position)
        values (${actor.user_id}, ${actor.org_id}, ${id}, ${change.query_id}, ${content}, ${change.device},
          ${change.copied ?? false}, ${writer?.id ?? null}, ${writer?.n ?? null}, ${lastPosition(actor)})`.execute(
        trx,
      );
    } else {
      await sql`
        update drafts set query_id = ${change.query_id}, content = ${content}, device = ${change.device},
          writer = ${writer?.id ?? null}, writes = ${writer?.n ?? null}, revision = revision + 1, updated_at = now()
        where user_id = ${actor.user_id} and id = ${id}`.execute(trx);
    }
  });
}

async function refuseTooMany(db: Database, actor: Actor): Promise<void> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from drafts where user_id = ${actor.user_id}`.execute(db);
  if (rows[0]!.n < MAX_DRAFTS) return;
  throw new Conflict(
    "conflict",
    `You have ${MAX_DRAFTS} drafts, which is the most that Quern keeps. Discard some under Queries, or save them.`,
  );
}

const lastPosition = (actor: Actor) =>
  sql`(select coalesce(max(position), 0) + 1 from drafts where user_id = ${actor.user_id})`;

/** Opens the tab, at the end, or closes it. False when there is no such draft. */
export async function openDraft(
  db: Database,
  actor: Actor,
  id: string,
  open: boolean,
): Promise<boolean> {
  const changed = await sql`
    update drafts set
      position = case when ${open} and closed_at is not null then ${lastPosition(actor)} else position end,
      closed_at = case when not ${open} then coalesce(closed_at, now()) end
    where user_id = ${actor.user_id} and org_id = ${actor.org_id} and id = ${id}`.execute(db);
  return changed.numAffectedRows === 1n;
}

/** Puts open drafts in this order; the open ones that are not named stay behind them. */
export async function orderDrafts(
  db: Database,
  actor: Actor,
  ids: readonly string[],
): Promise<void> {
  await sql`
    update drafts set position = ordered.place
    from (
      select drafts.id, row_number() over (order by named.place nulls last, drafts.position)::int as place
      from drafts
      left join unnest(${ids}::text[]) with ordinality as named (id, place) on named.id = drafts.id
      where drafts.user_id = ${actor.user_id} and drafts.closed_at is null
    ) as ordered
    where drafts.user_id = ${actor.user_id} and drafts.id = ordered.id and drafts.position <> ordered.place`.execute(
    db,
  );
}

export async function deleteDraft(db: Database, actor: Actor, id: string): Promise<boolean> {
  const deleted = await sql`
    delete from drafts
    where user_id = ${actor.user_id} and org_id = ${actor.org_id} and id = ${id}`.execute(db);
  return deleted.numAffectedRows === 1n;
}

/** Deletes the drafts whose tab was closed 90 days ago. Says how many. */
export async function deleteOldDrafts(db: Database): Promise<number> {
  const deleted = await sql`
    delete from drafts where closed_at < now() - ${DRAFT_DAYS} * interval '1 day'`.execute(db);
  return Number(deleted.numAffectedRows ?? 0n);
}
