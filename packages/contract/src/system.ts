import { z } from "zod";
import { route } from "./route.ts";
import { RunErrorCode } from "./run-error.ts";
import { id, instant } from "./text.ts";

const count = z.number().int().min(0);
const seconds = z.number().min(0).describe("Seconds");
const bytes = count.describe("Bytes");

/** Connections of one process to Quern's own database. */
export const PoolState = z
  .strictObject({
    max: count.describe("Connections that this process may open"),
    open: count,
    idle: count,
    waiting: count.describe("Callers without a connection: above 0, the pool is exhausted"),
  })
  .meta({ id: "PoolState" });
export type PoolState = z.infer<typeof PoolState>;

/** What a process says of itself every few seconds. */
export const ProcessVitals = z
  .strictObject({
    version: z.string(),
    rss: bytes.describe("Resident bytes of this process, without its executors"),
    cpu: z.number().min(0).describe("Cores used since the last report: 0.5 is half of one"),
    event_loop_lag_s: seconds.describe("99th percentile since the last report, seconds"),
    pool: PoolState,
  })
  .meta({ id: "ProcessVitals" });
export type ProcessVitals = z.infer<typeof ProcessVitals>;

/** Executor processes of one runner. */
export const ExecutorCounts = z
  .strictObject({
    idle: count.describe("Warm, waiting for a run"),
    busy: count,
    started: count.describe("Since the runner started; more than it needs means that they die"),
  })
  .meta({ id: "ExecutorCounts" });
export type ExecutorCounts = z.infer<typeof ExecutorCounts>;

export const RunnerVitals = ProcessVitals.extend({ executors: ExecutorCounts }).meta({
  id: "RunnerVitals",
});
export type RunnerVitals = z.infer<typeof RunnerVitals>;

const processFields = {
  id: z.string(),
  hostname: z.string(),
  started_at: instant,
  seen_at: instant.describe("Its last sign of life"),
  alive: z.boolean().describe("Whether that was within the last 15 s"),
};

export const ApiProcess = z
  .strictObject({ ...processFields, vitals: ProcessVitals.nullable() })
  .meta({ id: "ApiProcess" });
export type ApiProcess = z.infer<typeof ApiProcess>;

export const RunnerProcess = z
  .strictObject({
    ...processFields,
    slots: count.describe("Runs that it executes at the same time"),
    running: count.describe("Runs under its lease now"),
    vitals: RunnerVitals.nullable().describe("null when it is of an older version"),
  })
  .meta({ id: "RunnerProcess" });
export type RunnerProcess = z.infer<typeof RunnerProcess>;

/** The queue of one datasource; `datasource` is null for tests of connections that are not saved. */
export const DatasourceQueue = z
  .strictObject({
    datasource: z.strictObject({ id, name: z.string() }).nullable(),
    queued: count,
    oldest_wait_s: seconds.nullable().describe("Seconds; null when nothing waits"),
    running: count,
    max_concurrency: count
      .nullable()
      .describe("Runs at the same time that this datasource allows, over all runners"),
  })
  .meta({ id: "DatasourceQueue" });
export type DatasourceQueue = z.infer<typeof DatasourceQueue>;

const percentiles = z.strictObject({
  p50_s: seconds.nullable().describe("Seconds; null when no run tells"),
  p95_s: seconds.nullable(),
});

/** Runs that ended within the last hour. */
export const LastHour = z
  .strictObject({
    succeeded: count,
    failed: count,
    canceled: count,
    failures: z
      .array(z.strictObject({ code: RunErrorCode, count }))
      .describe("Of `failed`, the most frequent first"),
    lease_expiries: count.describe("Runs that lost their runner"),
    waiting: percentiles.describe("From queued to claimed"),
    running: percentiles.describe("From claimed to finished"),
    complete: z.boolean().describe("False when only the newest of very many runs were counted"),
  })
  .meta({ id: "LastHour" });
export type LastHour = z.infer<typeof LastHour>;

export const ResultStoreState = z
  .strictObject({
    kind: z.enum(["file", "s3"]).describe("Where large results go; small ones are in PostgreSQL"),
    results: count.describe("Results that are kept"),
    bytes: z
      .strictObject({ postgres: bytes, file: bytes, s3: bytes })
      .describe("Bytes of result files, by where they are"),
    estimated: z.boolean().describe("True when there are too many to count: from a sample"),
    oldest_expiry: instant.nullable().describe("When the next result is deleted"),
  })
  .meta({ id: "ResultStoreState" });
export type ResultStoreState = z.infer<typeof ResultStoreState>;

/** Quern's own database. */
export const DatabaseState = z
  .strictObject({
    version: z.string().describe("Of PostgreSQL"),
    migration: z.string().describe("The last one applied"),
    bytes,
    tables: z
      .array(
        z.strictObject({
          name: z.string(),
          bytes: bytes.describe("With indexes and large values"),
          rows: count.nullable().describe("An estimate; null before PostgreSQL made one"),
        }),
      )
      .describe("The biggest, at most ten"),
    connections: count.describe("Of everybody, to this database"),
    max_connections: count.describe("Of the server"),
  })
  .meta({ id: "DatabaseState" });
export type DatabaseState = z.infer<typeof DatabaseState>;

/** How the installation is now. */
export const System = z
  .strictObject({
    version: z.string(),
    now: instant.describe("By the clock of Quern's database, as all times here"),
    uptime_s: seconds.describe("Of the API process that answers"),
    tracing: z.boolean().describe("Whether that process exports traces"),
    apis: z.array(ApiProcess).describe("The one that answers first"),
    runners: z.array(RunnerProcess),
    queue: z
      .array(DatasourceQueue)
      .describe("Datasources with runs that wait or go on, the longest wait first; at most 200"),
    last_hour: LastHour,
    result_store: ResultStoreState,
    database: DatabaseState,
  })
  .meta({ id: "System" });
export type System = z.infer<typeof System>;

export const readSystem = route({
  operation: "readSystem",
  summary: "Processes, queue, result store and database, now; for admins",
  tag: "system",
  method: "GET",
  path: "/api/v1/system",
  replies: { 200: System },
});
