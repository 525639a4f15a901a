import type { Token } from "@quern/contract/session";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { hashToken, newToken } from "./one-time-token.ts";

/** Registered so that secret scanners can know it. */
const PREFIX = "qrn_";

/** Makes a token of the actor's; the reply is the only place where it is ever in clear. */
export async function createToken(
  db: Database,
  actor: Actor,
  name: string,
  days: number,
): Promise<{ id: string; token: string; expires_at: Date }> {
  const token = newToken(PREFIX);
  const { rows } = await sql<{ id: string; expires_at: Date }>`
    insert into tokens (org_id, user_id, name, prefix, token_hash, expires_at)
    values (${actor.org_id}, ${actor.user_id}, ${name}, ${token.slice(0, PREFIX.length + 6)}, ${hashToken(token)},
      now() + ${days} * interval '1 day')
    returning id, expires_at`.execute(db);
  return { ...rows[0]!, token };
}

/** The actor's tokens, expired ones included, the newest first. */
export async function listTokens(db: Database, actor: Actor): Promise<Token[]> {
  const { rows } = await sql<
    Record<"id" | "name" | "prefix", string> & {
      created_at: Date;
      expires_at: Date;
      last_used_at: Date | null;
    }
  >`
    select id, name, prefix, created_at, expires_at, last_used_at
    from tokens where user_id = ${actor.user_id} and org_id = ${actor.org_id}
    order by id desc`.execute(db);
  return rows.map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    last_used_at: row.last_used_at?.toISOString() ?? null,
  }));
}

/** Revokes one of the actor's tokens. False when there is none with that id. */
export async function deleteToken(db: Database, actor: Actor, id: string): Promise<boolean> {
  const deleted =
    await sql`delete from tokens where id = ${id} and user_id = ${actor.user_id}`.execute(db);
  return deleted.numAffectedRows === 1n;
}

/** The actor whom a live token stands for: its owner, with the rights they have now. */
export async function findTokenActor(db: Database, token: string): Promise<Actor | undefined> {
  const { rows } = await sql<Actor>`
    with used as (
      update tokens set last_used_at = now()
      where token_hash = ${hashToken(token)} and (last_used_at is null or last_used_at < now() - interval '1 minute')
    )
    select tokens.id as token_id, memberships.user_id, memberships.org_id, users.name, users.email,
      orgs.name as org_name, memberships.role
    from tokens
    join memberships on memberships.org_id = tokens.org_id and memberships.user_id = tokens.user_id
    join users on users.id = tokens.user_id
    join orgs on orgs.id = tokens.org_id
    where tokens.token_hash = ${hashToken(token)} and tokens.expires_at > now()
      and memberships.deactivated_at is null`.execute(db);
  return rows[0];
}
