/** Reads the due sections of one database. */
import type { CollectedPayload, Section } from "../collector.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import type { CustomMetric } from "../engine/custom-metrics.ts";
import type { Outcomes, Read } from "../engine/section.ts";
import { isDue } from "../engine/sent.ts";
import { packLarge } from "../packed.ts";
import { readBloat } from "./bloat.ts";
import { countHidden, hiddenColumns, readColumnStatistics } from "./column-statistics.ts";
import type { Connections } from "./connections.ts";
import { readCustomMetric } from "./custom-metrics.ts";
import type { Monitored } from "./databases.ts";
import { readEpochs } from "./epochs.ts";
import { type Facts, readFacts } from "./facts.ts";
import { readIndexes } from "./indexes.ts";
import type { Memory } from "./memory.ts";
import { readPlans } from "./plans.ts";
import { readSchema } from "./schema.ts";
import { section } from "./section.ts";
import { readSequences } from "./sequences.ts";
import type { Session } from "./session.ts";
import { readTables } from "./tables.ts";

type Parts = Partial<CollectedPayload>;

export type Draft = { database: Monitored; outcomes: Outcomes; facts: Facts | null; parts: Parts };

export type Reading = {
  config: Pick<AgentConfig, "collection">;
  connections: Connections;
  memory: Memory;
  due: ReadonlySet<Section>;
  now: number;
};

type Reader = (session: Session, facts: Facts, draft: Draft, of: Reading) => Promise<Read<Parts>>;

/** Sections that are of one database alone, in the order of what is wanted most. */
const READERS: Partial<Record<Section, Reader>> = {
  tables: async (session, facts, _, { config }) => {
    const { table_stats, truncated, locked } = await readTables(
      session,
      facts,
      config.collection.max_tables,
    );
    return { value: { table_stats }, rows: table_stats.length, truncated, note: noteOf(locked) };
  },
  indexes: async (session, facts, _, { config }) => {
    const { index_stats, truncated, locked } = await readIndexes(
      session,
      facts,
      config.collection.max_tables,
    );
    return { value: { index_stats }, rows: index_stats.length, truncated, note: noteOf(locked) };
  },
  sequences: async (session, facts) => {
    const { sequences, ...how } = await readSequences(session, facts);
    return { value: { sequences }, rows: sequences.length, ...how };
  },
  bloat: async (session, facts) => {
    const { bloat, truncated } = await readBloat(session, facts);
    return { value: { bloat }, rows: bloat.length, truncated };
  },
  schema: readChangedSchema,
  column_statistics: readDueStatistics,
  plans: async (session, facts, { database }, { config, memory, now }) => {
    const known = memory.of(database.name).plans;
    const { plans, refused } = await readPlans(session, facts, config.collection.plans, known, now);
    return { value: { plans }, rows: plans.length, note: refused > 0 ? "no_permission" : null };
  },
};

/** Everything but the statements, which are read once for all databases. */
export async function readDatabase(database: Monitored, reading: Reading): Promise<Draft> {
  const { connections, config, due } = reading;
  const outcomes: Outcomes = { results: [], unreachable: null };
  const facts = await section(outcomes, "connection", async () => ({
    value: await readFacts(await connections.of(database.name)),
    rows: null,
  }));
  const draft: Draft = { database, outcomes, facts, parts: {} };
  if (facts === null) return draft;
  const read = async (name: string, reader: Reader) => {
    const part = await section(outcomes, name, async () =>
      reader(await connections.of(database.name), facts, draft, reading),
    );
    Object.assign(draft.parts, part);
    await packLarge(draft.parts);
  };
  await read("epochs", async (session) => ({
    value: await readEpochs(session, facts),
    rows: null,
  }));
  for (const [name, reader] of Object.entries(READERS)) {
    if (!isSection(name, due) || (name === "plans" && !config.collection.plans.enabled)) continue;
    await read(name, reader);
  }
  if (due.has("custom_metrics")) await readCustomMetrics(draft, reading);
  return draft;
}

function isSection(name: string, due: ReadonlySet<Section>): name is Section {
  return [...due].some((section) => section === name);
}

function noteOf(locked: number): string | null {
  return locked > 0 ? "locked" : null;
}

async function readChangedSchema(
  session: Session,
  facts: Facts,
  { database }: Draft,
  { config, memory, now }: Reading,
): Promise<Read<Parts>> {
  const schema = await readSchema(session, facts, config.collection);
  const known = memory.of(database.name);
  const changed = known.want_schema || isDue(known.schema, schema.hash, now);
  if (changed) Object.assign(known, { schema: { hash: schema.hash, at: now }, want_schema: false });
  return {
    value: { schema_hash: schema.hash, ...(changed ? { schema } : {}) },
    rows: schema.tables.length,
    truncated: schema.omitted_tables !== undefined,
    note: changed ? null : "unchanged",
  };
}

/** Once a day, when the schema has changed and when a right was granted or taken away. */
async function readDueStatistics(
  session: Session,
  facts: Facts,
  { database }: Draft,
  { config, memory, now }: Reading,
): Promise<Read<Parts>> {
  const known = memory.of(database.name);
  const hidden = await countHidden(session, facts);
  const problem = hidden === 0 ? null : hiddenColumns(facts, hidden);
  const hash = `${known.schema?.hash ?? ""} ${hidden} ${facts.helper}`;
  if (!isDue(known.column_statistics, hash, now))
    return { value: {}, rows: known.columns_sent, problem, note: "unchanged" };
  const { statistics, truncated } = await readColumnStatistics(
    ...([session, facts, hidden, config.collection.max_tables] as const),
  );
  const rows = statistics.relations.reduce((sum, { columns }) => sum + columns.length, 0);
  Object.assign(known, { column_statistics: { hash, at: now }, columns_sent: rows });
  return { value: { column_statistics: statistics }, rows, truncated, problem };
}

async function readCustomMetrics(draft: Draft, reading: Reading): Promise<void> {
  const { connections, config, memory, now } = reading;
  const { name } = draft.database;
  const found: CustomMetric[] = [];
  for (const metric of config.collection.custom_metrics) {
    if ((metric.database ?? connections.address.database) !== name) continue;
    const turns = memory.of(name).custom_metrics;
    // A little less than the interval, since a timer that comes early must not cost a whole turn.
    if (now - (turns.get(metric.name) ?? Number.NEGATIVE_INFINITY) < metric.interval_ms - 500) {
      continue;
    }
    turns.set(metric.name, now);
    const result = `custom_metrics.${metric.name}`.slice(0, 64);
    await section(draft.outcomes, result, async () => {
      const { metrics, truncated } = await readCustomMetric(await connections.of(name), metric);
      found.push(...metrics.slice(0, 1_000 - found.length));
      return { value: metrics, rows: metrics.length, truncated };
    });
  }
  if (found.length > 0) draft.parts.custom_metrics = found;
}
