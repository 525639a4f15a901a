import { readSystem, type System } from "@quern/contract/system";
import { VERSION } from "@quern/runtime/version";
import {
  listProcesses,
  readDatabase,
  readLastHour,
  readQueues,
  readResultStore,
} from "@quern/store/system";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { serve } from "../serve.ts";

const MAX_QUEUES = 200;
/** Many people may watch, and what is counted and measured changes little within this. */
const FRESH_MS = 10_000;

export function addSystemRoutes(app: FastifyInstance, api: Api): void {
  const database = remembered(() => readDatabase(api.db));
  const resultStore = remembered(() => readResultStore(api.db, api.partStore.kind));
  const lastHours = remembered((org) => readLastHour(api.db, org));

  serve(app, api, readSystem, { action: "system.read" }, async ({ actor }): Promise<System> => {
    const { org_id: org } = actor;
    const { now, apis, runners } = await listProcesses(api.db, api.process.id);
    return {
      version: VERSION,
      now: now.toISOString(),
      uptime_s: Math.round(process.uptime()),
      tracing: api.instruments.tracer.enabled,
      apis,
      runners,
      queue: await readQueues(api.db, { org, limit: MAX_QUEUES }),
      last_hour: await lastHours(org),
      result_store: await resultStore(""),
      database: await database(""),
    };
  });
}

/** Asks at most once every ten seconds for each key, and once at a time. */
function remembered<T>(read: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const answers = new Map<string, { at: number; answer: Promise<T> }>();
  return (key) => {
    const known = answers.get(key);
    if (known && performance.now() - known.at < FRESH_MS) return known.answer;
    const answer = read(key);
    answers.set(key, { at: performance.now(), answer });
    // An error is not remembered; whoever asked is told.
    answer.catch(() => answers.delete(key));
    return answer;
  };
}
