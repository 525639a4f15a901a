import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "./db.ts";
import {
  acceptLink,
  ensureFirstAdmin,
  isSetupNeeded,
  issueJoinLink,
  issueSetupLink,
  readLink,
  setUp,
} from "./links.ts";
import { addMember, changeMember, findActor, listMembers } from "./members.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor } from "./testing-fixtures.ts";
import { createToken, deleteToken, findTokenActor } from "./tokens.ts";

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await freshDatabase();
  // More at once than connections: on a busy machine some wait long for theirs.
  db = openDatabase(database.url, { max: 20, connect_timeout_ms: 60_000 });
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

const person = (n: number) => ({
  email: `Admin${n}@Example.test`,
  name: `Admin ${n}`,
  password_hash: "phc",
});

test("of fifty set-ups at once exactly one makes the first admin", async () => {
  expect(await isSetupNeeded(db)).toBe(true);
  const link = (await issueSetupLink(db, null))!;
  await expect(setUp(db, "guessed", person(0))).rejects.toMatchObject({ code: "link_expired" });
  const results = await Promise.allSettled(
    Array.from({ length: 50 }, (_, n) => setUp(db, link.token, person(n))),
  );
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  const { rows } = await sql`select from memberships where role = 'admin'`.execute(db);
  expect(rows).toHaveLength(1);
  expect(await issueSetupLink(db, null)).toBeUndefined();
  expect(await ensureFirstAdmin(db, person(99))).toBe(false);
});

test("a join link works once, and a newer one ends it", async () => {
  const admin = await makeActor(db, "admin");
  const id = await addMember(db, admin.org_id, {
    email: "new@example.test",
    name: "New",
    role: "viewer",
  });
  const first = await issueJoinLink(db, admin.org_id, id, admin.user_id);
  const second = await issueJoinLink(db, admin.org_id, id, admin.user_id);
  await expect(readLink(db, first.token)).rejects.toMatchObject({ code: "link_expired" });
  expect(await readLink(db, second.token)).toEqual({
    email: "new@example.test",
    name: "New",
    org: "Quern",
  });
  await acceptLink(db, second.token, { name: "Newer", password_hash: "phc" });
  await expect(
    acceptLink(db, second.token, { name: "Thief", password_hash: "x" }),
  ).rejects.toMatchObject({ code: "link_expired" });
  expect(await listMembers(db, admin.org_id, id)).toMatchObject([
    { name: "Newer", status: "active", groups: [{ name: "Everyone" }] },
  ]);
  await expect(
    addMember(db, admin.org_id, { email: "NEW@example.test", name: "x", role: "admin" }),
  ).rejects.toMatchObject({ code: "name_taken" });
});

test("the last admin can be neither demoted nor deactivated, even by two at once", async () => {
  const admins = (await listMembers(db, (await makeActor(db, "viewer")).org_id)).filter(
    ({ role }) => role === "admin",
  );
  const org = (await findActor(db, admins[0]!.id))!.org_id;
  const changes = await Promise.allSettled(
    admins.map(({ id }, n) =>
      changeMember(db, org, id, n % 2 ? { role: "viewer" } : { active: false }),
    ),
  );
  expect(changes.filter(({ status }) => status === "rejected")).toHaveLength(1);
  expect(changes.find(({ status }) => status === "rejected")).toMatchObject({
    reason: { code: "last_admin" },
  });
});

test("a deactivated person is nobody: no session, no token, no group", async () => {
  const editor = await makeActor(db, "editor");
  await makeActor(db, "admin");
  await sql`insert into sessions (user_id, token, expires_at) values (${editor.user_id}, 'session', now() + interval '1 day')`.execute(
    db,
  );
  const { token, id } = await createToken(db, editor, "ci", 1);
  expect(await findTokenActor(db, token)).toMatchObject({
    user_id: editor.user_id,
    role: "editor",
    token_id: id,
  });
  await changeMember(db, editor.org_id, editor.user_id, { active: false });
  expect(await findTokenActor(db, token)).toBeUndefined();
  expect(await findActor(db, editor.user_id)).toBeUndefined();
  const { rows } = await sql`select from sessions where user_id = ${editor.user_id}`.execute(db);
  expect(rows).toEqual([]);
  await changeMember(db, editor.org_id, editor.user_id, { active: true });
  expect(await findActor(db, editor.user_id)).toBeDefined();
  expect(await findTokenActor(db, token)).toBeUndefined();

  const next = await createToken(db, editor, "ci", 1);
  await sql`update tokens set expires_at = now() where id = ${next.id}`.execute(db);
  expect(await findTokenActor(db, next.token)).toBeUndefined();
  expect(await deleteToken(db, await makeActor(db, "admin"), next.id)).toBe(false);
  expect(await deleteToken(db, editor, next.id)).toBe(true);
});
