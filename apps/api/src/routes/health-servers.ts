import {
  diffDatabaseSchema,
  listSettings,
  readDatabaseSchema,
  readReplication,
  readServer,
  readSessionSamples,
  readSessions,
} from "@quern/contract/health/server";
import { readSections } from "@quern/health/read-databases";
import { rangeAnswer } from "@quern/health/read-range";
import { readMetricSeries } from "@quern/health/read-series";
import * as servers from "@quern/health/read-server";
import { schemaChanges } from "@quern/health/schema-changes";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { theDatabase, theRange } from "../monitored-database.ts";
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

const REPLICATION = [
  ...([
    "replay_lag_ms",
    "replay_lag_bytes",
    "slots_retained_bytes",
    "wal_bytes",
    "wal_fpi",
  ] as const),
  ...(["wal_records", "checkpoints_timed", "checkpoints_requested"] as const),
  ...(["checkpoint_write_time_ms", "checkpoint_sync_time_ms", "buffers_checkpoint"] as const),
  ...(["buffers_clean", "buffers_backend", "archived", "archive_failed"] as const),
] as const;

/** Sessions, the server, its settings and the schema of a monitored database. */
export function addHealthServerRoutes(app: FastifyInstance, api: Api): void {
  const read = { action: "health.read" as const };
  const iso = (at: Date | null) => at?.toISOString() ?? null;

  serve(app, api, readSessions, read, async ({ actor, params, query }) => {
    const row = await theDatabase(api.db, actor, params.id);
    const at = query.at === undefined ? new Date() : new Date(query.at);
    const found = await servers.readSessions(api.db, row.server_id, at);
    const { activity } = await readSections(api.db, row);
    const { sessions } = found;
    return {
      ...{ state: activity!, at: iso(found.at), previous_at: iso(found.previous_at) },
      ...{ next_at: iso(found.next_at), sessions, idle: found.idle, omitted: found.omitted },
      statements: await servers.readSessionStatements(api.db, row.server_id, sessions),
    };
  });

  serve(app, api, readSessionSamples, read, async ({ actor, params, query }) => {
    const { server_id } = await theDatabase(api.db, actor, params.id);
    const range = await theRange(api.db, query);
    const samples = await servers.readSamples(api.db, server_id, range);
    const items = samples.map(({ at, ...sample }) => ({ at: at.toISOString(), ...sample }));
    return { range: rangeAnswer(range), items };
  });

  serve(app, api, readServer, read, async ({ actor, params }) => {
    const row = await theDatabase(api.db, actor, params.id);
    const found = await servers.readServerStats(api.db, row.server_id);
    const { server: state } = await readSections(api.db, row);
    const parts = await servers.readServerParts(api.db, row.server_id);
    return { state: state!, at: iso(found?.at ?? null), server: found?.body ?? null, parts };
  });

  serve(app, api, listSettings, read, async ({ actor, params, query }) => {
    const row = await theDatabase(api.db, actor, params.id);
    const { settings: state } = await readSections(api.db, row);
    return { state: state!, items: await servers.readSettings(api.db, row.server_id, query) };
  });

  serve(app, api, readDatabaseSchema, read, async ({ actor, params, query }) => {
    const row = await theDatabase(api.db, actor, params.id);
    const versions = await servers.readSchemaVersions(api.db, row.id);
    const at = query.at === undefined ? new Date() : new Date(query.at);
    const version = servers.versionAt(versions, at);
    const schema = version && (await servers.readSchema(api.db, actor.org_id, version.hash));
    const { schema: state } = await readSections(api.db, row);
    return {
      ...{ state: state!, hash: version?.hash ?? null, from_at: iso(version?.from_at ?? null) },
      versions: versions.map(({ hash, from_at, last_seen_at }) => {
        return { hash, from_at: from_at.toISOString(), last_seen_at: last_seen_at.toISOString() };
      }),
      schema: schema ?? null,
    };
  });

  serve(app, api, diffDatabaseSchema, read, async ({ actor, params, query }) => {
    const row = await theDatabase(api.db, actor, params.id);
    const versions = await servers.readSchemaVersions(api.db, row.id);
    const of = async (at: Date) => {
      const version = servers.versionAt(versions, at);
      const schema = version && (await servers.readSchema(api.db, actor.org_id, version.hash));
      if (!version || !schema) throw notFound("schema: none of this database was read yet");
      return { from_at: version.from_at.toISOString(), schema };
    };
    const before = await of(new Date(query.before));
    const after = await of(query.after === undefined ? new Date() : new Date(query.after));
    const changes = schemaChanges(before.schema, after.schema);
    return { before_at: before.from_at, after_at: after.from_at, changes };
  });

  serve(app, api, readReplication, read, async ({ actor, params, query }) => {
    const row = await theDatabase(api.db, actor, params.id);
    const range = await theRange(api.db, query);
    const { id: database_id, server_id, type, interval_s } = row;
    const subject = { database_id, server_id, type, interval_s };
    const compare = query.compare === "week";
    const history = await readMetricSeries(api.db, subject, range, REPLICATION, compare);
    const { server: state } = await readSections(api.db, row);
    return { state: state!, history };
  });
}
