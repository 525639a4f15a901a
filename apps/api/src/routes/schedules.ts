import { nextTimes, openTimetable } from "@quern/contract/schedule-times";
import { RecurrenceError } from "@quern/contract/schedule-times/errors";
import { readRecurrence } from "@quern/contract/schedule-times/recurrence";
import { describeRecurrence } from "@quern/contract/schedule-times/words";
import {
  changeSchedule,
  createSchedule,
  deleteSchedule,
  fireSchedule,
  listFirings,
  listSchedules,
  previewRecurrence,
  readSchedule,
  type ScheduleInput,
} from "@quern/contract/schedules";
import type { Actor } from "@quern/store/actor";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as firings from "@quern/store/firings";
import type { Resource } from "@quern/store/grants";
import * as changes from "@quern/store/schedule-changes";
import * as schedules from "@quern/store/schedules";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError, notFound } from "../problems.ts";
import { demand, serve } from "../serve.ts";

const PAGE = 50;
const PREVIEWED = 5;

export function addScheduleRoutes(app: FastifyInstance, api: Api): void {
  const read = (id: string) => ({
    action: "schedules.read" as const,
    on: { type: "schedule" as const, id },
  });
  const written = (id: string) => ({ ...read(id), action: "schedules.write" as const });

  serve(app, api, listSchedules, { action: "schedules.read" }, async ({ actor, query }) =>
    schedules.listSchedules(api.db, actor, { ...query, limit: query.limit ?? PAGE }),
  );

  serve(app, api, previewRecurrence, { action: "schedules.read" }, async ({ body }) => {
    try {
      const from = body.from === undefined ? Date.now() : Date.parse(body.from);
      const next = nextTimes(openTimetable(body.recurrence, body.time_zone), from, PREVIEWED);
      return {
        words: describeRecurrence(readRecurrence(body.recurrence)),
        next: next.map(({ at, note }) => ({ fire_at: new Date(at).toISOString(), note })),
      };
    } catch (error) {
      if (!(error instanceof RecurrenceError)) throw error;
      const { message, field } = error;
      throw new ApiError("invalid_request", message, [{ path: `body.${field}`, message }]);
    }
  });

  serve(
    app,
    api,
    createSchedule,
    ({ body }) => ({ action: "schedules.write", on: resourceOf(body.target) }),
    async ({ actor, body, origin }) =>
      inTransaction(api.db, async (trx) => {
        const id = await changes.createSchedule(trx, actor, body);
        await recordAudit(trx, actor, origin, audited("created", id, body));
        return (await schedules.readSchedule(trx, actor, id))!;
      }),
  );

  serve(
    app,
    api,
    readSchedule,
    ({ params }) => read(params.id),
    async ({ actor, params }) => existing(api, actor, params.id),
  );

  serve(
    app,
    api,
    changeSchedule,
    ({ params }) => written(params.id),
    async ({ actor, params, body, origin }) => {
      if (body.target) await demand(api, actor, "schedules.write", resourceOf(body.target));
      await inTransaction(api.db, async (trx) => {
        if (!(await changes.changeSchedule(trx, actor, params.id, body)))
          throw notFound("schedule");
        await recordAudit(trx, actor, origin, audited("changed", params.id, body));
      });
      return existing(api, actor, params.id);
    },
  );

  serve(
    app,
    api,
    deleteSchedule,
    ({ params }) => written(params.id),
    async ({ actor, params, origin }) =>
      inTransaction(api.db, async (trx) => {
        if (!(await schedules.deleteSchedule(trx, actor, params.id))) throw notFound("schedule");
        await recordAudit(trx, actor, origin, audited("deleted", params.id));
        return null;
      }),
  );

  serve(
    app,
    api,
    fireSchedule,
    ({ params }) => written(params.id),
    async ({ actor, params, origin }) =>
      inTransaction(api.db, async (trx) => {
        const id = await changes.fireNow(trx, actor, params.id);
        if (id === undefined) throw notFound("schedule");
        await recordAudit(trx, actor, origin, audited("fired", params.id));
        const firing = (await firings.readFiring(trx, actor, id))!;
        api.instruments.runsEnqueued.inc(
          { kind: "query", trigger: "schedule" },
          firing.runs.length,
        );
        return firing;
      }),
  );

  serve(
    app,
    api,
    listFirings,
    ({ params }) => read(params.id),
    async ({ actor, params, query }) =>
      firings.listFirings(api.db, actor, params.id, {
        limit: query.limit ?? PAGE,
        cursor: query.cursor,
      }),
  );
}

function resourceOf(target: ScheduleInput["target"]): Resource {
  return target.type === "query"
    ? { type: "query", id: target.query_id }
    : { type: "dashboard", id: target.dashboard_id };
}

/** What was said, without values of parameters: these may be about people. */
function audited(
  what: "created" | "changed" | "deleted" | "fired",
  id: string,
  said: Partial<ScheduleInput> = {},
) {
  const { params, ...details } = said;
  return {
    action: `schedule.${what}`,
    resource_type: "schedule",
    resource_id: id,
    details: { ...details, ...(params ? { params: Object.keys(params) } : {}) },
  };
}

async function existing(api: Api, actor: Actor, id: string) {
  const schedule = await schedules.readSchedule(api.db, actor, id);
  if (!schedule) throw notFound("schedule");
  return schedule;
}
