/** What comes only with the database that the URL names: the server, its settings, its sessions. */
import { createHash } from "node:crypto";
import type { ServerStats } from "@quern/contract/agent/server";
import { isDue } from "../engine/sent.ts";
import type { Draft, Reading } from "./database-payload.ts";
import type { Facts } from "./facts.ts";
import { section } from "./section.ts";
import { readServerCore } from "./server.ts";
import { readHorizon, readLocks, readProgress, readRoles } from "./server-horizon.ts";
import { readReplication } from "./server-replication.ts";
import { readIo, readWrites } from "./server-writes.ts";
import type { Session } from "./session.ts";
import { readSettings } from "./settings.ts";

type Part = (session: Session, facts: Facts) => Promise<Partial<ServerStats>>;

/** Each fails by itself. */
const PARTS: Record<string, Part> = {
  "server.writes": readWrites,
  "server.io": readIo,
  "server.replication": readReplication,
  "server.horizon": readHorizon,
  "server.progress": readProgress,
  "server.locks": readLocks,
  "server.roles": readRoles,
};

/** Adds `server`, `settings`, `settings_detail` and `activity` to the draft. */
export async function readWholeServer(draft: Draft, reading: Reading): Promise<void> {
  const { facts, parts } = draft;
  if (reading.memory.samples.length > 0) parts.activity = reading.memory.samples.splice(0);
  if (facts === null) return;
  if (reading.due.has("server")) await readServer(draft, facts, reading);
  if (reading.due.has("settings")) await readChangedSettings(draft, reading);
}

async function readServer(draft: Draft, facts: Facts, reading: Reading): Promise<void> {
  const { connections, memory, now } = reading;
  const { outcomes, database } = draft;
  const core = await section(outcomes, "server", async () => {
    const session = await connections.of(database.name);
    const value = await session.readOnly(() => readServerCore(session, facts, memory.sizes, now));
    return { value, rows: value.databases.length };
  });
  if (core === null) return;
  const server: ServerStats = core;
  for (const [name, read] of Object.entries(PARTS)) {
    const part = await section(outcomes, name, async () => {
      const session = await connections.of(database.name);
      return { value: await session.readOnly(() => read(session, facts)), rows: null };
    });
    Object.assign(server, part);
  }
  draft.parts.server = server;
}

async function readChangedSettings(draft: Draft, reading: Reading): Promise<void> {
  const { connections, memory, now } = reading;
  await section(draft.outcomes, "settings", async () => {
    const answer = await readSettings(await connections.of(draft.database.name));
    const hash = createHash("sha256").update(JSON.stringify(answer)).digest("hex");
    const changed = isDue(memory.settings, hash, now);
    if (changed) {
      Object.assign(draft.parts, answer);
      memory.settings = { hash, at: now };
    }
    const rows = answer.settings_detail.length;
    return { value: answer, rows, note: changed ? null : "unchanged" };
  });
}
