import type { Group } from "@quern/contract/groups";
import { sql } from "kysely";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction, violates } from "./db.ts";

type GroupRow = Omit<Group, "created_at"> & { created_at: Date };

/** Groups with the people who are in them now, the system groups first; with `id` only that one. */
export async function listGroups(db: Database, orgId: string, id?: string): Promise<Group[]> {
  const { rows } = await sql<GroupRow>`
    select groups.id, groups.name, groups.system,
      coalesce((
        select jsonb_agg(user_id order by user_id) from effective_group_members where group_id = groups.id
      ), '[]') as member_ids,
      groups.created_at
    from groups
    where groups.org_id = ${orgId} and (${id ?? null}::uuid is null or groups.id = ${id ?? null})
    order by groups.system nulls last, lower(groups.name), groups.id`.execute(db);
  return rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() }));
}

/** Creates a group and returns its id. Throws `Conflict` (`name_taken`). */
export async function createGroup(
  db: Database,
  orgId: string,
  group: { name: string; member_ids: readonly string[] },
): Promise<string> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<{ id: string }>`
      insert into groups (org_id, name) values (${orgId}, ${group.name}) returning id`
      .execute(trx)
      .catch((error) => rethrowNameTaken(error, group.name));
    await setMembers(trx, orgId, rows[0]!.id, group.member_ids);
    return rows[0]!.id;
  });
}

/** Renames a group, sets its people, or both. Throws `Conflict`; system groups stay as they are. */
export async function changeGroup(
  db: Database,
  orgId: string,
  id: string,
  change: { name?: string | undefined; member_ids?: readonly string[] | undefined },
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    if (!(await lockOwnGroup(trx, orgId, id))) return false;
    if (change.name !== undefined) {
      await sql`update groups set name = ${change.name} where id = ${id}`
        .execute(trx)
        .catch((error) => rethrowNameTaken(error, change.name!));
    }
    if (change.member_ids) await setMembers(trx, orgId, id, change.member_ids);
    return true;
  });
}

/** Deletes a group with its grants. False when there is none; throws `Conflict` for a system group. */
export async function deleteGroup(db: Database, orgId: string, id: string): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    if (!(await lockOwnGroup(trx, orgId, id))) return false;
    await sql`delete from groups where id = ${id}`.execute(trx);
    return true;
  });
}

async function lockOwnGroup(db: Database, orgId: string, id: string): Promise<boolean> {
  const { rows } = await sql<{ name: string; system: string | null }>`
    select name, system from groups where org_id = ${orgId} and id = ${id} for update`.execute(db);
  if (rows[0]?.system) {
    throw new Conflict(
      "conflict",
      `The group ${rows[0].name} follows from people's roles and cannot be changed.`,
    );
  }
  return rows.length === 1;
}

/** People who are not members of the organisation are ignored. */
async function setMembers(
  db: Database,
  orgId: string,
  groupId: string,
  userIds: readonly string[],
): Promise<void> {
  await sql`delete from group_members where group_id = ${groupId} and user_id <> all (${userIds}::uuid[])`.execute(
    db,
  );
  await sql`
    insert into group_members (group_id, user_id)
    select ${groupId}, user_id from memberships
    where org_id = ${orgId} and user_id = any (${userIds}::uuid[])
    on conflict do nothing`.execute(db);
}

function rethrowNameTaken(error: unknown, name: string): never {
  if (!violates(error, "groups_name_key")) throw error;
  throw new Conflict("name_taken", `There is a group called ${name} already. Choose another name.`);
}
