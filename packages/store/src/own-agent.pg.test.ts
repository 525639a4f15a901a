import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "./db.ts";
import {
  addAgentKey,
  findAgentByKey,
  listAgents,
  newAgentKey,
  revokeAgent,
} from "./health-agents.ts";
import { ensureKeys } from "./keys.ts";
import { ensureOwnAgent } from "./own-agent.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";

let database: TestDatabase;
let db: Database;
let folder: string;
let keys: string;
let org: string;
beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url, { max: 4 });
  folder = await mkdtemp(join(tmpdir(), "quern-own-agent-"));
  keys = join(folder, "keys");
  await ensureKeys(keys);
  const { rows } = await sql<{
    id: string;
  }>`select id from orgs order by created_at limit 1`.execute(db);
  org = rows[0]!.id;
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** What the audit log says of agents, oldest first. */
async function audited(): Promise<string[]> {
  const { rows } = await sql<{ action: string }>`
    select action from audit_log where resource_type = 'agent' and user_id is null order by id`.execute(
    db,
  );
  return rows.map(({ action }) => action);
}

test("it is made once, keeps its key while that counts, gets another for one that does not, and stays revoked", async () => {
  const both = await Promise.all([ensureOwnAgent(db, keys, null), ensureOwnAgent(db, keys, null)]);
  const agents = await listAgents(db, org);
  expect(agents).toMatchObject([
    { name: "Quern's own database", built_in: true, revoked_at: null },
  ]);
  const id = agents[0]!.id;
  const live = async (key: string) => (await findAgentByKey(db, key))?.id;
  const states = await Promise.all(both.map((one) => live(one!.api_key)));
  expect(states.filter((found) => found === id)).toHaveLength(1);
  const first = both[states.indexOf(id)]!;
  expect(await audited()).toEqual(["agent.created", "agent.key_rotated"]);

  expect(await ensureOwnAgent(db, keys, first)).toBe(first);
  expect(await audited()).toHaveLength(2);

  const second = (await ensureOwnAgent(db, keys, { ...first, signing_secret: "another" }))!;
  expect(await live(first.api_key)).toBeUndefined();
  expect(await live(second.api_key)).toBe(id);

  const key = { id: crypto.randomUUID(), api_key: newAgentKey(), signing_secret: "sealed" };
  await addAgentKey(db, id, key, 24);
  const third = (await ensureOwnAgent(db, keys, second))!;
  expect(third).not.toEqual(second);
  expect(await live(key.api_key)).toBeUndefined();

  const others = join(folder, "others");
  await ensureKeys(others);
  const fourth = (await ensureOwnAgent(db, others, third))!;
  expect(fourth).not.toEqual(third);
  expect(await listAgents(db, org)).toHaveLength(1);

  await revokeAgent(db, org, id);
  expect(await ensureOwnAgent(db, others, fourth)).toBeNull();
  expect(await ensureOwnAgent(db, others, null)).toBeNull();
  expect(await listAgents(db, org)).toHaveLength(1);
});
