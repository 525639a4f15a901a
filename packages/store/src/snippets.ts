import { MAX_SNIPPETS, type Snippet } from "@quern/contract/snippets";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { type Database, violates } from "./db.ts";
import { personRef } from "./queries.ts";

type Row = Omit<Snippet, "updated_at"> & { updated_at: Date };
export type SnippetContent = { name: string; trigger: string; description: string; sql: string };

/** Snippets of the organisation in the order of their names: all, or one. */
export async function listSnippets(
  db: Database,
  actor: Actor,
  id: string | null = null,
): Promise<Snippet[]> {
  const { rows } = await sql<Row>`
    select snippets.id, snippets.name, snippets.trigger, snippets.description, snippets.sql,
      ${personRef("creators")} as created_by, ${personRef("changers")} as updated_by, snippets.updated_at
    from snippets
    left join users as creators on creators.id = snippets.created_by
    left join users as changers on changers.id = snippets.updated_by
    where snippets.org_id = ${actor.org_id} and (${id}::uuid is null or snippets.id = ${id})
    order by lower(snippets.name), snippets.id`.execute(db);
  return rows.map((row) => ({ ...row, updated_at: row.updated_at.toISOString() }));
}

/** Returns the id of the new snippet. Throws `Conflict` when the word is taken, or there are as many as there may be. */
export async function createSnippet(
  db: Database,
  actor: Actor,
  { name, trigger, description, sql: text }: SnippetContent,
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into snippets (org_id, name, trigger, description, sql, created_by, updated_by)
    select ${actor.org_id}, ${name}, ${trigger}, ${description}, ${text}, ${actor.user_id}, ${actor.user_id}
    where (select count(*) from snippets where org_id = ${actor.org_id}) < ${MAX_SNIPPETS}
    returning id`
    .execute(db)
    .catch((error: unknown) => refuseTaken(error, trigger));
  if (rows[0]) return rows[0].id;
  throw new Conflict(
    "conflict",
    `There are ${MAX_SNIPPETS} snippets, which is the most that Quern keeps. Delete some first.`,
  );
}

/** What is left out stays. False when there is no such snippet. Throws `Conflict` when the word is taken. */
export async function changeSnippet(
  db: Database,
  actor: Actor,
  id: string,
  change: Partial<SnippetContent>,
): Promise<boolean> {
  const changed = await sql`
    update snippets set
      name = coalesce(${change.name ?? null}, name),
      trigger = coalesce(${change.trigger ?? null}, trigger),
      description = coalesce(${change.description ?? null}, description),
      sql = coalesce(${change.sql ?? null}, sql),
      updated_by = ${actor.user_id}, updated_at = now()
    where id = ${id} and org_id = ${actor.org_id}`
    .execute(db)
    .catch((error: unknown) => refuseTaken(error, change.trigger ?? ""));
  return changed.numAffectedRows === 1n;
}

export async function deleteSnippet(db: Database, actor: Actor, id: string): Promise<boolean> {
  const deleted = await sql`
    delete from snippets where id = ${id} and org_id = ${actor.org_id}`.execute(db);
  return deleted.numAffectedRows === 1n;
}

function refuseTaken(error: unknown, trigger: string): never {
  if (!violates(error, "snippets_trigger_key")) throw error;
  throw new Conflict(
    "name_taken",
    `Another snippet has the word “${trigger}”. Choose another word.`,
    [{ path: "body.trigger", message: "belongs to another snippet" }],
  );
}
