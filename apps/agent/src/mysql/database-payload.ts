/** Reads the due sections of one database, and with the first one those of the server. */
import { createHash } from "node:crypto";
import type { CollectedPayload, Section } from "../collector.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import type { CustomMetric } from "../engine/custom-metrics.ts";
import { type Outcomes, type Read, SectionError } from "../engine/section.ts";
import { isDue } from "../engine/sent.ts";
import { packLarge } from "../packed.ts";
import type { Connections } from "./connections.ts";
import { readCustomMetric } from "./custom-metrics.ts";
import { readEpochs } from "./epochs.ts";
import type { Facts } from "./facts.ts";
import { needing, section } from "./failure.ts";
import { replicationRights } from "./grants.ts";
import { readIndexes } from "./indexes.ts";
import type { Memory } from "./memory.ts";
import { readBinaryLogs, readReplication } from "./replication.ts";
import { readSchema } from "./schema.ts";
import { readServer } from "./server.ts";
import type { Session } from "./session.ts";
import { readSettings } from "./settings.ts";
import { readTables } from "./tables.ts";

type Parts = Partial<CollectedPayload>;

export type Draft = { database: string; outcomes: Outcomes; parts: Parts };

export type Reading = {
  config: Pick<AgentConfig, "collection">;
  connections: Connections;
  memory: Memory;
  facts: Facts;
  databases: readonly string[];
  due: ReadonlySet<Section>;
  now: number;
};

/** What MySQL has no like of, with why. */
const NOT_FOR_MYSQL: Partial<Record<Section, string>> = {
  sequences: "Not for MySQL: its tables count by auto_increment.",
  bloat: "Not for MySQL: InnoDB uses the room of deleted rows again by itself.",
  column_statistics: "Not for MySQL: they are for a sandbox, which is a PostgreSQL.",
  plans: "Not for MySQL: its statements are not explained.",
};

export async function readDatabase(database: string, reading: Reading): Promise<Draft> {
  const { connections, facts, config, due } = reading;
  const { max_tables } = config.collection;
  const draft: Draft = { database, outcomes: { results: [], unreachable: null }, parts: {} };
  const read = async (name: string, reader: () => Promise<Read<Parts>>) => {
    Object.assign(draft.parts, await section(draft.outcomes, name, reader));
    await packLarge(draft.parts);
  };
  await read("epochs", async () => ({
    value: await readEpochs(await connections.main(), facts),
    rows: null,
  }));
  if (due.has("tables")) {
    await read("tables", async () =>
      readTables(await connections.main(), facts, database, max_tables),
    );
  }
  if (due.has("indexes")) {
    await read("indexes", async () =>
      readIndexes(await connections.main(), facts, database, max_tables),
    );
  }
  if (due.has("schema")) await read("schema", () => readChangedSchema(database, reading));
  for (const [name, why] of Object.entries(NOT_FOR_MYSQL)) {
    if (![...due].some((section) => section === name)) continue;
    await read(name, async () => {
      throw new SectionError("not_supported", why);
    });
  }
  if (due.has("custom_metrics")) await readCustomMetrics(draft, reading);
  return draft;
}

async function readChangedSchema(
  database: string,
  { config, connections, facts, memory, now }: Reading,
): Promise<Read<Parts>> {
  const session = await connections.main();
  const schema = await readSchema(session, facts, database, config.collection);
  const known = memory.of(database);
  const changed = known.want_schema || isDue(known.schema, schema.hash, now);
  if (changed) Object.assign(known, { schema: { hash: schema.hash, at: now }, want_schema: false });
  return {
    value: { schema_hash: schema.hash, ...(changed ? { schema } : {}) },
    rows: schema.tables.length,
    truncated: schema.omitted_tables !== undefined,
    // Nothing is refused: what the account has no right in is not there for it.
    ...(schema.tables.length === 0
      ? { problem: hidden(database) }
      : { note: changed ? null : "unchanged" }),
  };
}

function hidden(database: string): SectionError {
  return new SectionError(
    "empty",
    `There is no table in ${database}, or all are hidden from the account: grant references on *.* to it.`,
  );
}

async function readCustomMetrics(draft: Draft, reading: Reading): Promise<void> {
  const { connections, config, databases, memory, now } = reading;
  const found: CustomMetric[] = [];
  for (const metric of config.collection.custom_metrics) {
    if ((metric.database ?? databases[0]) !== draft.database) continue;
    const turns = memory.of(draft.database).custom_metrics;
    // A little less than the interval, since a timer that comes early must not cost a whole turn.
    if (now - (turns.get(metric.name) ?? Number.NEGATIVE_INFINITY) < metric.interval_ms - 500) {
      continue;
    }
    turns.set(metric.name, now);
    await section(draft.outcomes, `custom_metrics.${metric.name}`.slice(0, 64), async () => {
      const answer = readCustomMetric(connections, draft.database, metric);
      const { metrics, truncated } = await answer;
      found.push(...metrics.slice(0, 1_000 - found.length));
      return { value: metrics, rows: metrics.length, truncated };
    });
  }
  if (found.length > 0) draft.parts.custom_metrics = found;
}

/** Adds `server`, `settings_detail` and `activity` to the draft of the first database. */
export async function readWholeServer(draft: Draft, reading: Reading): Promise<void> {
  const { connections, databases, due, facts, memory, now } = reading;
  const { outcomes, parts } = draft;
  if (memory.samples.length > 0) parts.activity = memory.samples.splice(0);
  if (due.has("server")) {
    const server = await section(outcomes, "server", async () => {
      const session = await connections.main();
      const value = await needing(facts.account, "process on *.*", () =>
        readServer(session, facts, databases, memory, now),
      );
      return { value, rows: null };
    });
    if (server !== null) {
      const part = <T>(name: string, of: string, read: (session: Session) => Promise<T>) =>
        section(outcomes, name, async () => {
          const session = await connections.main();
          return {
            value: await needing(facts.account, `${of} on *.*`, () => read(session)),
            rows: null,
          };
        });
      const { status, logs: binlog } = replicationRights(facts);
      const replication = await part("server.replication", status, (session) =>
        readReplication(session, facts),
      );
      const logs = await part("server.binary_logs", binlog, readBinaryLogs);
      parts.server = { ...server, ...replication, wal: { ...server.wal, ...logs } };
    }
  }
  if (due.has("settings")) await readChangedSettings(draft, reading);
}

async function readChangedSettings(draft: Draft, reading: Reading): Promise<void> {
  const { connections, facts, memory, now } = reading;
  await section(draft.outcomes, "settings", async () => {
    const settings_detail = await readSettings(await connections.main(), facts);
    const hash = createHash("sha256").update(JSON.stringify(settings_detail)).digest("hex");
    const changed = isDue(memory.settings, hash, now);
    if (changed) {
      draft.parts.settings_detail = settings_detail;
      memory.settings = { hash, at: now };
    }
    const rows = settings_detail.length;
    return { value: settings_detail, rows, note: changed ? null : "unchanged" };
  });
}
