import { sql } from "kysely";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction } from "./db.ts";
import { hashToken, newToken } from "./one-time-token.ts";

/** Set-up links hold for a day (the console prints a new one at each start), join links for a week. */
const SETUP_HOURS = 24;
const JOIN_HOURS = 24 * 7;

const EXPIRED = "This link was used, was replaced or has expired.";

export type IssuedLink = { token: string; expires_at: Date };
export type NewPerson = { email: string; name: string; password_hash: string };

/** True while the organisation has no admin who could sign in. */
export async function isSetupNeeded(db: Database): Promise<boolean> {
  const { rows } = await sql`
    select from memberships
    where role = 'admin' and exists (select from credentials where credentials.user_id = memberships.user_id)
    limit 1`.execute(db);
  return rows.length === 0;
}

/** A new set-up link, or undefined when there is an admin. Earlier set-up links end. `email` reserves it. */
export async function issueSetupLink(
  db: Database,
  email: string | null,
): Promise<IssuedLink | undefined> {
  return inTransaction(db, async (trx) => {
    const orgId = await lockFirstOrg(trx);
    if (!(await isSetupNeeded(trx))) return undefined;
    await sql`update one_time_links set used_at = now() where kind = 'setup' and used_at is null`.execute(
      trx,
    );
    return insertLink(trx, {
      org_id: orgId,
      kind: "setup",
      user_id: null,
      email: email?.toLowerCase() ?? null,
      created_by: null,
      hours: SETUP_HOURS,
    });
  });
}

/** Makes the first admin with a set-up link. Of any number at once exactly one gets through; the others get `Conflict`. */
export async function setUp(
  db: Database,
  token: string,
  person: NewPerson,
): Promise<{ user_id: string; org_id: string }> {
  return inTransaction(db, async (trx) => {
    await lockFirstOrg(trx);
    if (!(await isSetupNeeded(trx))) {
      throw new Conflict(
        "already_set_up",
        "Quern is set up already. Sign in, or ask an admin for a link.",
      );
    }
    const { rows } = await sql<{ email: string | null }>`
      update one_time_links set used_at = now()
      where token_hash = ${hashToken(token)} and kind = 'setup' and used_at is null and expires_at > now()
      returning email`.execute(trx);
    if (rows.length === 0)
      throw new Conflict("link_expired", `${EXPIRED} Restart Quern: it prints a new one.`);
    const reserved = rows[0]!.email;
    if (reserved !== null && reserved !== person.email.toLowerCase()) {
      throw new Conflict(
        "link_expired",
        "This link is reserved for another e-mail address (QUERN_ADMIN_EMAIL).",
      );
    }
    return makeAdmin(trx, person);
  });
}

/** Makes the first admin from the environment. Does nothing, and says so, when there is an admin. */
export async function ensureFirstAdmin(db: Database, person: NewPerson): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    await lockFirstOrg(trx);
    if (!(await isSetupNeeded(trx))) return false;
    await makeAdmin(trx, person);
    return true;
  });
}

/** A new link with which a member sets name and password. Earlier ones end. */
export async function issueJoinLink(
  db: Database,
  orgId: string,
  userId: string,
  createdBy: string,
): Promise<IssuedLink> {
  return inTransaction(db, async (trx) => {
    await sql`select from memberships where org_id = ${orgId} and user_id = ${userId} for update`.execute(
      trx,
    );
    await sql`update one_time_links set used_at = now() where user_id = ${userId} and used_at is null`.execute(
      trx,
    );
    return insertLink(trx, {
      org_id: orgId,
      kind: "join",
      user_id: userId,
      email: null,
      created_by: createdBy,
      hours: JOIN_HOURS,
    });
  });
}

/** Whom a join link is for. Throws `Conflict` (`link_expired`). */
export async function readLink(
  db: Database,
  token: string,
): Promise<{ email: string; name: string; org: string }> {
  const { rows } = await sql<{ email: string; name: string; org: string }>`
    select users.email, users.name, orgs.name as org
    from one_time_links as links
    join users on users.id = links.user_id
    join orgs on orgs.id = links.org_id
    join memberships on memberships.org_id = links.org_id and memberships.user_id = links.user_id
    where links.token_hash = ${hashToken(token)} and links.kind = 'join'
      and links.used_at is null and links.expires_at > now() and memberships.deactivated_at is null`.execute(
    db,
  );
  if (rows[0]) return rows[0];
  throw new Conflict("link_expired", `${EXPIRED} Ask an admin for a new one.`);
}

/** Uses a join link: sets name and password and ends the person's sessions. Throws `Conflict` (`link_expired`). */
export async function acceptLink(
  db: Database,
  token: string,
  person: { name: string; password_hash: string },
): Promise<{ user_id: string; org_id: string; email: string }> {
  return inTransaction(db, async (trx) => {
    const { rows } = await sql<{ user_id: string; org_id: string; email: string }>`
      update one_time_links as links set used_at = now()
      from users, memberships
      where users.id = links.user_id
        and memberships.org_id = links.org_id and memberships.user_id = links.user_id
        and memberships.deactivated_at is null
        and links.token_hash = ${hashToken(token)} and links.kind = 'join'
        and links.used_at is null and links.expires_at > now()
      returning links.user_id, links.org_id, users.email`.execute(trx);
    const found = rows[0];
    if (!found) throw new Conflict("link_expired", `${EXPIRED} Ask an admin for a new one.`);
    await sql`update users set name = ${person.name}, email_verified = true, updated_at = now() where id = ${found.user_id}`.execute(
      trx,
    );
    await setPassword(trx, found.user_id, person.password_hash);
    await sql`delete from sessions where user_id = ${found.user_id}`.execute(trx);
    return found;
  });
}

/** Serialises everything that may make the first admin. */
async function lockFirstOrg(db: Database): Promise<string> {
  const { rows } = await sql<{
    id: string;
  }>`select id from orgs order by created_at limit 1 for update`.execute(db);
  return rows[0]!.id;
}

async function makeAdmin(
  db: Database,
  person: NewPerson,
): Promise<{ user_id: string; org_id: string }> {
  const { rows } = await sql<{ user_id: string; org_id: string }>`
    with person as (
      insert into users (email, name, email_verified) values (${person.email.toLowerCase()}, ${person.name}, true)
      on conflict on constraint users_email_key do update set name = excluded.name
      returning id
    )
    insert into memberships (org_id, user_id, role)
    select orgs.id, person.id, 'admin' from person, (select id from orgs order by created_at limit 1) as orgs
    on conflict (org_id, user_id) do update set role = 'admin', deactivated_at = null
    returning user_id, org_id`.execute(db);
  await setPassword(db, rows[0]!.user_id, person.password_hash);
  return rows[0]!;
}

async function setPassword(db: Database, userId: string, passwordHash: string): Promise<void> {
  await sql`
    insert into credentials (user_id, account_id, provider_id, password)
    values (${userId}, ${userId}, 'credential', ${passwordHash})
    on conflict on constraint credentials_identity_key
      do update set password = excluded.password, updated_at = now()`.execute(db);
}

async function insertLink(
  db: Database,
  link: {
    org_id: string;
    kind: "setup" | "join";
    user_id: string | null;
    email: string | null;
    created_by: string | null;
    hours: number;
  },
): Promise<IssuedLink> {
  const token = newToken("");
  const { rows } = await sql<{ expires_at: Date }>`
    insert into one_time_links (org_id, kind, user_id, email, created_by, token_hash, expires_at)
    values (${link.org_id}, ${link.kind}, ${link.user_id}, ${link.email}, ${link.created_by}, ${hashToken(token)},
      now() + ${link.hours} * interval '1 hour')
    returning expires_at`.execute(db);
  return { token, expires_at: rows[0]!.expires_at };
}
