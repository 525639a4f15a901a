import { createEvent, type HealthEvent, listEvents } from "@quern/contract/health/events";
import * as events from "@quern/health/events";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import { isUuid, toPage } from "@quern/store/page";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { cursorOf, partsOf, theDatabase, theRange } from "../monitored-database.ts";
import { ApiError } from "../problems.ts";
import { serve } from "../serve.ts";

const PAGE = 100;

/** What happened to monitored databases, and marks of deploys. */
export function addHealthEventRoutes(app: FastifyInstance, api: Api): void {
  const read = { action: "health.read" as const };
  const write = { action: "health.write" as const };

  serve(app, api, listEvents, read, async ({ actor, params, query }) => {
    const row = await theDatabase(api.db, actor, params.id);
    const { limit = PAGE, type, cursor, ...asked } = query;
    const { from, to } = await theRange(api.db, asked);
    const after = afterOf(cursor);
    // As asked, not as fine as points are.
    const range = { from, to: new Date(Math.min(to.getTime(), Date.now())) };
    const types = type?.split(",").map((each) => each.trim());
    const found = await events.listEvents(api.db, row, range, { limit, types, after });
    const counts = await events.countEvents(api.db, row, range);
    const page = toPage(found, limit, (last) => cursorOf(last.at.toISOString(), last.id));
    return { ...page, items: page.items.map(eventView), counts };
  });

  serve(app, api, createEvent, write, async ({ actor, body, origin }) => {
    const { database_id, details = {}, source_key = null, type, subject } = body;
    const database =
      database_id === undefined ? null : await theDatabase(api.db, actor, database_id);
    const at = body.at === undefined ? new Date() : new Date(body.at);
    return inTransaction(api.db, async (trx) => {
      const { made, event } = await events.createEvent(trx, {
        ...{ org_id: actor.org_id, created_by: actor.user_id, database },
        ...{ type, subject, at, details, source_key },
      });
      if (made)
        await recordAudit(trx, actor, origin, {
          action: "health_event.created",
          resource_type: "health_event",
          resource_id: event.id,
          details: { type, subject, database_id: database_id ?? null },
        });
      return eventView(event);
    });
  });
}

function afterOf(cursor: string | undefined) {
  const parts = partsOf(cursor, 2);
  if (parts === undefined) return undefined;
  const [at, id] = [new Date(parts[0]!), parts[1]!];
  if (!Number.isNaN(at.getTime()) && isUuid(id)) return { at, id };
  throw new ApiError("invalid_request", "The cursor is not one of this list: leave it out.");
}

function eventView({ at, ...event }: events.EventRow): HealthEvent {
  return { ...event, at: at.toISOString() };
}
