import {
  forgetDatabase,
  linkDatabase,
  listDatabases,
  type MonitoredDatabase,
  type MonitoredDatabaseDetails,
  readDatabase,
  readMetrics,
  readOverview,
} from "@quern/contract/health/databases";
import type { HealthMetricName } from "@quern/contract/health/metrics";
import { readScore } from "@quern/health/advisors/scores";
import * as databases from "@quern/health/read-databases";
import * as overviews from "@quern/health/read-overview";
import { readMetricSeries, unknownMetrics } from "@quern/health/read-series";
import type { Actor } from "@quern/store/actor";
import { recordAudit } from "@quern/store/audit";
import { type Database, inTransaction } from "@quern/store/db";
import { isVisible } from "@quern/store/grants";
import { isUuid, toPage } from "@quern/store/page";
import type { FastifyInstance } from "fastify";
import { agentState } from "../agent-view.ts";
import type { Api } from "../api.ts";
import { cursorOf, partsOf, theDatabase, theRange } from "../monitored-database.ts";
import { ApiError } from "../problems.ts";
import { demand, serve } from "../serve.ts";

const PAGE = 100;
const MOST_METRICS = 40;
const resource_type = "monitored_database";

/** Monitored databases: the fleet, one of them, and its numbers over time. */
export function addHealthDatabaseRoutes(app: FastifyInstance, api: Api): void {
  const read = { action: "health.read" as const };
  const write = { action: "health.write" as const };

  serve(
    app,
    api,
    listDatabases,
    read,
    async ({ actor, query: { limit = PAGE, cursor, ...filter } }) => {
      const after = afterOf(cursor);
      const rows = await databases.findDatabases(api.db, actor.org_id, { ...filter, limit, after });
      const page = toPage(rows, limit, (last) => cursorOf(last.server_name, last.name, last.id));
      const loads = await databases.readLoads(api.db, page.items);
      const datasources = await visibleDatasources(api.db, actor, page.items);
      const items = page.items.map((row): MonitoredDatabase => {
        const { score } = row;
        return {
          ...baseOf(row, datasources),
          score: score && { score: score.score, coverage: score.coverage },
          load: loads.get(row.id) ?? [],
          size_bytes: row.size_bytes,
        };
      });
      return { items, next_cursor: page.next_cursor };
    },
  );

  serve(app, api, readDatabase, read, async ({ actor, params }) =>
    detailsOf(api.db, actor, await theDatabase(api.db, actor, params.id)),
  );

  serve(
    app,
    api,
    linkDatabase,
    write,
    async ({ actor, params, body: { datasource_id }, origin }) => {
      const { id, name } = await theDatabase(api.db, actor, params.id);
      if (datasource_id !== null) {
        const on = { type: "datasource" as const, id: datasource_id };
        await demand(api, actor, "datasources.read", on);
      }
      return inTransaction(api.db, async (trx) => {
        await databases.linkDatabase(trx, id, datasource_id);
        await recordAudit(trx, actor, origin, {
          action: "monitored_database.linked",
          resource_type,
          resource_id: id,
          details: { name, datasource_id },
        });
        return detailsOf(trx, actor, await theDatabase(trx, actor, id));
      });
    },
  );

  serve(app, api, forgetDatabase, write, async ({ actor, params, origin }) => {
    const row = await theDatabase(api.db, actor, params.id);
    await inTransaction(api.db, async (trx) => {
      await databases.forgetDatabase(trx, row);
      await recordAudit(trx, actor, origin, {
        action: "monitored_database.forgotten",
        resource_type,
        resource_id: row.id,
        details: { name: row.name, server_name: row.server_name },
      });
    });
    return null;
  });

  serve(app, api, readOverview, read, async ({ actor, params, query }) => {
    const row = await theDatabase(api.db, actor, params.id);
    const { compare, ...asked } = query;
    const range = await theRange(api.db, asked);
    return overviews.readOverview(api.db, row, range, compare === "week");
  });

  serve(app, api, readMetrics, read, async ({ actor, params, query }) => {
    const row = await theDatabase(api.db, actor, params.id);
    const { id: database_id, server_id, type, interval_s } = row;
    const names = metricsOf(query.names);
    const range = await theRange(api.db, query);
    const subject = { database_id, server_id, type, interval_s };
    return readMetricSeries(api.db, subject, range, names, query.compare === "week");
  });
}

function afterOf(cursor: string | undefined) {
  const parts = partsOf(cursor, 3);
  if (parts === undefined) return undefined;
  const [server_name, name, id] = parts as [string, string, string];
  if (isUuid(id)) return { server_name, name, id };
  throw new ApiError("invalid_request", "The cursor is not one of this list: leave it out.");
}

/** The names of a comma-separated list, each once. Throws invalid_request for one that is no metric. */
function metricsOf(list: string): HealthMetricName[] {
  const names = [...new Set(list.split(",").map((name) => name.trim()))].filter(
    (name) => name !== "",
  );
  const unknown = unknownMetrics(names);
  const message =
    names.length === 0
      ? "names at least one metric"
      : names.length > MOST_METRICS
        ? `names at most ${MOST_METRICS} metrics`
        : unknown.length > 0
          ? `names no metric: ${unknown.slice(0, 5).join(", ")}. docs/health.md lists them`
          : undefined;
  if (message === undefined) return names as HealthMetricName[];
  throw new ApiError("invalid_request", `names: ${message}.`, [{ path: "query.names", message }]);
}

/** Ids of the linked datasources whose names the actor may know. */
async function visibleDatasources(
  db: Database,
  actor: Actor,
  rows: readonly databases.DatabaseRow[],
): Promise<ReadonlySet<string>> {
  const ids = new Set(rows.flatMap(({ datasource }) => datasource?.id ?? []));
  const visible = new Set<string>();
  for (const id of ids) if (await isVisible(db, actor, { type: "datasource", id })) visible.add(id);
  return visible;
}

function baseOf(row: databases.DatabaseRow, datasources: ReadonlySet<string>) {
  const { server_id, server_name, type, version, provider, in_recovery, agent, datasource } = row;
  return {
    ...{ id: row.id, name: row.name, is_main: row.is_main, interval_s: row.interval_s },
    server: {
      ...{ id: server_id, name: server_name, type, provider, in_recovery },
      version: /\d+(\.\d+)*/.exec(version)?.[0] ?? version,
    },
    agent: agent && { id: agent.id, name: agent.name, state: stateOf(agent, row.interval_s) },
    datasource: datasource && datasources.has(datasource.id) ? datasource : null,
    last_taken_at: row.last_taken_at?.toISOString() ?? null,
    first_seen_at: row.first_seen_at.toISOString(),
    findings: { critical: row.critical, warning: row.warning, info: row.info },
  };
}

function stateOf(agent: NonNullable<databases.DatabaseRow["agent"]>, interval_s: number | null) {
  const date = (at: string | null) => (at === null ? null : new Date(at));
  const dated = {
    status: agent.status,
    revoked_at: date(agent.revoked_at),
    last_seen_at: date(agent.last_seen_at),
    last_payload_at: date(agent.last_payload_at),
  };
  return agentState(dated, Math.min(interval_s ?? 300, 300), Date.now());
}

async function detailsOf(
  db: Database,
  actor: Actor,
  row: databases.DatabaseRow,
): Promise<MonitoredDatabaseDetails> {
  return {
    ...baseOf(row, await visibleDatasources(db, actor, [row])),
    score: await readScore(db, row.id),
    version: row.version,
    provider_metadata: row.provider_metadata,
    sections: await databases.readSections(db, row),
    ...(await databases.readRelatives(db, row)),
  };
}
