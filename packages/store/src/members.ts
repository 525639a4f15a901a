import type { Member, Role } from "@quern/contract/members";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction } from "./db.ts";

type MemberRow = Omit<Member, "created_at" | "last_seen_at"> & {
  created_at: Date;
  last_seen_at: Date | null;
};

/** The actor that a person is in their organisation; undefined for unknown and deactivated people. */
export async function findActor(
  db: Database,
  userId: string,
): Promise<Omit<Actor, "token_id"> | undefined> {
  const { rows } = await sql<Omit<Actor, "token_id">>`
    select memberships.user_id, memberships.org_id, users.name, users.email, orgs.name as org_name, memberships.role
    from memberships
    join users on users.id = memberships.user_id
    join orgs on orgs.id = memberships.org_id
    where memberships.user_id = ${userId} and memberships.deactivated_at is null
    order by memberships.created_at
    limit 1`.execute(db);
  return rows[0];
}

/** The admin of the first organisation who has been one for the longest and can sign in; undefined while there is none. */
export async function firstAdmin(db: Database): Promise<Actor | undefined> {
  const { rows } = await sql<{ user_id: string }>`
    select memberships.user_id from memberships
    where memberships.role = 'admin' and memberships.deactivated_at is null
      and memberships.org_id = (select id from orgs order by created_at limit 1)
      and exists (select from credentials where credentials.user_id = memberships.user_id)
    order by memberships.created_at
    limit 1`.execute(db);
  const found = rows[0] && (await findActor(db, rows[0].user_id));
  return found && { ...found, token_id: null };
}

/** Notes that the person was here; at most once a minute, so that reading pages does not write. */
export async function touchMember(db: Database, actor: Actor): Promise<void> {
  await sql`
    update memberships set last_seen_at = now()
    where org_id = ${actor.org_id} and user_id = ${actor.user_id}
      and (last_seen_at is null or last_seen_at < now() - interval '1 minute')`.execute(db);
}

/** People of the organisation by name; with `userId` only that one. */
export async function listMembers(db: Database, orgId: string, userId?: string): Promise<Member[]> {
  const { rows } = await sql<MemberRow>`
    select users.id, users.name, users.email, memberships.role,
      case
        when memberships.deactivated_at is not null then 'deactivated'
        when exists (select from credentials where credentials.user_id = users.id) then 'active'
        else 'invited'
      end as status,
      coalesce((
        select jsonb_agg(jsonb_build_object('id', groups.id, 'name', groups.name) order by groups.system nulls first, groups.name)
        from effective_group_members
        join groups on groups.id = effective_group_members.group_id
        where effective_group_members.user_id = users.id and groups.org_id = memberships.org_id
      ), '[]') as groups,
      memberships.created_at, memberships.last_seen_at
    from memberships
    join users on users.id = memberships.user_id
    where memberships.org_id = ${orgId} and (${userId ?? null}::uuid is null or users.id = ${userId ?? null})
    order by lower(users.name), users.id`.execute(db);
  return rows.map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    last_seen_at: row.last_seen_at?.toISOString() ?? null,
  }));
}

/** Adds a person without a way to sign in: they get one by a one-time link. Throws `Conflict` when they are in already. */
export async function addMember(
  db: Database,
  orgId: string,
  person: { email: string; name: string; role: Role },
): Promise<string> {
  return inTransaction(db, async (trx) => {
    const email = person.email.toLowerCase();
    const { rows } = await sql<{ id: string }>`
      insert into users (email, name) values (${email}, ${person.name})
      on conflict on constraint users_email_key do update set updated_at = now()
      returning id`.execute(trx);
    const userId = rows[0]!.id;
    const added = await sql`
      insert into memberships (org_id, user_id, role) values (${orgId}, ${userId}, ${person.role})
      on conflict do nothing`.execute(trx);
    if (added.numAffectedRows === 1n) return userId;
    throw new Conflict(
      "name_taken",
      `${email} is a member already. Change their role in the list, or send them a new link.`,
    );
  });
}

export type MemberChange = { role?: Role | undefined; active?: boolean | undefined };

/**
 * Changes a role or (de)activates. Deactivating ends the person's sessions. Throws `Conflict` (`last_admin`) when no
 * active admin with a way to sign in would be left; two changes at once cannot both slip through. False when not a member.
 */
export async function changeMember(
  db: Database,
  orgId: string,
  userId: string,
  change: MemberChange,
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    await sql`select from orgs where id = ${orgId} for update`.execute(trx);
    const changed = await sql`
      update memberships set
        role = coalesce(${change.role ?? null}, role),
        deactivated_at = case ${change.active ?? null}::boolean
          when true then null
          when false then coalesce(deactivated_at, now())
          else deactivated_at end
      where org_id = ${orgId} and user_id = ${userId}`.execute(trx);
    if (changed.numAffectedRows === 0n) return false;
    const { rows } = await sql`
      select from memberships
      where org_id = ${orgId} and role = 'admin' and deactivated_at is null
        and exists (select from credentials where credentials.user_id = memberships.user_id)
      limit 1`.execute(trx);
    if (rows.length === 0) {
      throw new Conflict(
        "last_admin",
        "This is the last admin who can sign in. Make somebody else an admin first.",
      );
    }
    if (change.active === false) await endAccess(trx, orgId, userId);
    return true;
  });
}

/** Sessions, tokens and open links: none of them comes back to life when the person does. */
async function endAccess(db: Database, orgId: string, userId: string): Promise<void> {
  await sql`delete from sessions where user_id = ${userId}`.execute(db);
  await sql`delete from tokens where user_id = ${userId} and org_id = ${orgId}`.execute(db);
  await sql`
    update one_time_links set used_at = now()
    where user_id = ${userId} and org_id = ${orgId} and used_at is null`.execute(db);
}
