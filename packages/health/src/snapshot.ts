/** Takes a payload: once, whatever is sent again, in one transaction. */
import { createHash } from "node:crypto";
import type { IngestAnswer } from "@quern/contract/agent/answers";
import type { AgentPayload } from "@quern/contract/agent/payload";
import type { HealthMark } from "@quern/contract/health/ranges";
import type { Database } from "@quern/store/db";
import { inTransaction } from "@quern/store/db";
import { sql } from "kysely";
import { sampleTimes, takeActivity } from "./activity-section.ts";
import { keepDocument } from "./documents.ts";
import { databaseNotes, noteEvents, serverNotes } from "./event-notes.ts";
import { insertMetrics, takeServer } from "./metric-section.ts";
import { ensurePartitions } from "./partitions.ts";
import { PayloadError } from "./payload-error.ts";
import { takePlans } from "./plan-section.ts";
import { distinct, type Reading } from "./reading.ts";
import { takeIndexes, takeTables } from "./relation-section.ts";
import { takeSchema } from "./schema-section.ts";
import { takeSettings } from "./settings-section.ts";
import { takeStatements } from "./statement-section.ts";
import { findSubjects, noteSubjects, type Subjects } from "./subjects.ts";

export type Sender = { id: string; org_id: string };
export type Sizes = { wire_bytes: number; body_bytes: number };

const FUTURE_MS = 10 * 60 * 1000;
/** Raw points are kept for seven days. */
const PAST_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Stores `payload`, whose JSON text is `body`. The same snapshot again is answered `duplicate`; one for a database that
 * another agent sends for is not stored and answered `paused`. Throws `PayloadError` for a time that cannot be.
 */
export async function takePayload(
  db: Database,
  agent: Sender,
  payload: AgentPayload,
  body: string | Uint8Array,
  sizes: Sizes,
  now: Date = new Date(),
): Promise<IngestAnswer> {
  const taken_at = new Date(payload.timestamp);
  checkTime(taken_at, now);
  for (const at of [taken_at, now, ...sampleTimes(payload, taken_at)])
    await ensurePartitions(db, at);
  const uuid = payload.snapshot_uuid ?? uuidOf(agent, body);
  const answer: IngestAnswer = {
    ...{
      status: "stored",
      next_interval_s: null,
      want_texts: [],
      want_schema: false,
      paused: false,
    },
  };
  return inTransaction(db, async (trx) => {
    const subjects = await findSubjects(trx, agent, payload);
    if (subjects === "taken") return { ...answer, status: "paused", paused: true };
    const { numAffectedRows } = await sql`
      insert into health_snapshots (snapshot_uuid, org_id, database_id, agent_id, sequence, taken_at, wire_bytes, body_bytes, sections)
      values (${uuid}, ${agent.org_id}, ${subjects.database_id}, ${agent.id}, ${payload.sequence ?? null}, ${taken_at},
        ${sizes.wire_bytes}, ${sizes.body_bytes}, ${sectionsOf(payload)})
      on conflict (snapshot_uuid) do nothing`.execute(trx);
    if (numAffectedRows === 0n) return { ...answer, status: "duplicate" };
    const reading: Reading = {
      ...{ db: trx, org_id: agent.org_id, taken_at, received_at: now },
      ...{ server_id: subjects.server_id, database_id: subjects.database_id },
      epochs: payload.epochs ?? null,
    };
    const taken = await takeSections(reading, payload, subjects);
    await noteSubjects(trx, agent.id, subjects, payload, taken.interval_s);
    await sql`update health_snapshots set marks = ${distinct(taken.marks)} where snapshot_uuid = ${uuid}`.execute(
      trx,
    );
    return { ...answer, want_texts: taken.want_texts, want_schema: taken.want_schema };
  });
}

type Taken = {
  marks: HealthMark[];
  want_texts: string[];
  want_schema: boolean;
  interval_s: number | null;
};

async function takeSections(
  reading: Reading,
  payload: AgentPayload,
  subjects: Subjects,
): Promise<Taken> {
  const marks: HealthMark[] = [];
  let want_texts: string[] = [];
  let interval_s: number | null = null;
  if (payload.activity) await takeActivity(reading, payload.activity);
  // What comes late, after something newer: differences to it were counted already.
  if (!isLate(payload, subjects)) {
    await noteEvents(reading, notesOf(payload, subjects));
    if (payload.server) {
      marks.push(...(await takeServer(reading, payload.server)));
      await keepDocument(reading, "server", payload.server);
      if (payload.agent) {
        // Beside the server's own numbers, whose point says over how long.
        const { database_time_ms: agent_database_time_ms, rss_bytes: agent_rss_bytes } =
          payload.agent;
        const values = { agent_database_time_ms, agent_rss_bytes };
        await insertMetrics(reading.db, reading.server_id, reading.taken_at, 0, [], values);
      }
    }
    if (payload.query_stats) {
      const statements = await takeStatements(reading, payload);
      marks.push(...statements.marks);
      want_texts = statements.want_texts;
      if (statements.sums) {
        const { seconds, at, calls, time_ms, rows } = statements.sums;
        interval_s = seconds;
        const values = { statement_calls: calls, statement_time_ms: time_ms, statement_rows: rows };
        await insertMetrics(reading.db, reading.database_id, at, seconds, statements.marks, values);
      }
    }
    if (payload.table_stats)
      marks.push(
        ...(await takeTables(reading, payload.table_stats, isComplete(payload, "tables"))),
      );
    if (payload.index_stats)
      marks.push(
        ...(await takeIndexes(reading, payload.index_stats, isComplete(payload, "indexes"))),
      );
    if (payload.plans) await takePlans(reading, payload.plans);
  }
  await takeSettings(reading, payload);
  for (const [section, document] of documentsOf(payload))
    await keepDocument(reading, section, document);
  const want_schema = await takeSchema(reading, payload);
  return { marks, want_texts, want_schema, interval_s };
}

/** The original agent sends all there are, and does not say so. */
function isComplete({ collectors }: AgentPayload, section: string): boolean {
  return collectors?.find(({ name }) => name === section)?.truncated !== true;
}

function documentsOf(payload: AgentPayload) {
  const all = [
    ["tables", payload.table_stats],
    ["indexes", payload.index_stats],
    ["sequences", payload.sequences],
    ["bloat", payload.bloat],
    ["column_statistics", payload.column_statistics],
    ["statements", payload.statements],
    ["custom_metrics", payload.custom_metrics],
  ] as const;
  return all.filter(([, document]) => document != null);
}

function notesOf(payload: AgentPayload, { before }: Subjects) {
  if (before === null) return [];
  const after = {
    version: payload.database.version,
    in_recovery: payload.server?.in_recovery ?? null,
    epochs: payload.epochs ?? null,
  };
  if (!payload.server) return [];
  return [
    ...serverNotes(before, after),
    ...databaseNotes(before.epochs, after.epochs, payload.database.name ?? ""),
  ];
}

/** A clock that was set back sends an earlier time, too, but goes on counting. */
function isLate(payload: AgentPayload, { database_before }: Subjects): boolean {
  const { last_taken_at, last_sequence } = database_before;
  if (last_taken_at === null || new Date(payload.timestamp) > last_taken_at) return false;
  return (
    payload.sequence === undefined || last_sequence === null || payload.sequence <= last_sequence
  );
}

function checkTime(taken_at: Date, now: Date): void {
  const ahead = taken_at.getTime() - now.getTime();
  if (ahead > FUTURE_MS) {
    const minutes = Math.round(ahead / 60_000);
    throw new PayloadError(
      "timestamp",
      `is ${minutes} minutes ahead of this server's clock: set the agent's clock`,
    );
  }
  if (-ahead > PAST_MS)
    throw new PayloadError("timestamp", "is more than seven days ago, which is no longer kept");
}

/** The original agent numbers nothing: the same body of the same agent is the same snapshot. */
function uuidOf(agent: Sender, body: string | Uint8Array): string {
  const digest = createHash("sha256").update(agent.id).update(body).digest("hex");
  return digest.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-8$3-8$4-$5");
}

function sectionsOf(payload: AgentPayload): string[] {
  const names = [
    ...["query_stats", "table_stats", "index_stats", "settings", "schema", "server", "activity"],
    ...["sequences", "bloat", "column_statistics", "plans", "custom_metrics"],
  ] as const;
  return names.filter((name) => payload[name as keyof AgentPayload] != null);
}
