/** The keys of the configuration file: those of the original agent, and ours beside them. */
import { PROVIDERS } from "@quern/contract/agent/providers";
import { z } from "zod";
import { SSL_MODES } from "./agent-config.ts";
import { metric, PACES } from "./metrics.ts";
import { bytes, duration, list, whole, yesOrNo } from "./values.ts";

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;

const text = z.string().trim().min(1, "must not be empty");
const glob = z.string().trim().min(1).max(256);

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

const Upload = z.strictObject({
  api_key: text.optional(),
  signing_secret: text.optional(),
  endpoint: text.optional(),
  timeout: duration({ min_ms: SECOND, max_ms: 600 * SECOND }).default(30 * SECOND),
  retries: whole({ min: 0, max: 20 }).default(3),
  compression: z.enum(["gzip", "none"]).default("gzip"),
  ca_file: text.optional(),
  proxy: text.optional(),
});

const Database = z.strictObject({
  url: text.optional(),
  db_type: z.enum(["postgres", "postgresql", "mysql", "mariadb"]).optional(),
  provider: z.enum(["auto", ...PROVIDERS]).default("auto"),
  pool: z
    .strictObject({
      min_connections: whole({ min: 0, max: 100 }).default(1),
      max_connections: whole({ min: 1, max: 100 }).optional(),
      acquire_timeout: duration({ min_ms: SECOND, max_ms: 300 * SECOND }).default(30 * SECOND),
    })
    .prefault({}),
  sslmode: z.enum(SSL_MODES).optional(),
  sslrootcert: text.optional(),
  sslcert: text.optional(),
  sslkey: text.optional(),
});

const CustomMetric = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,62}$/, "must be a name of a-z, 0-9 and _, at most 63 characters"),
  sql: text.max(10_000),
  database: text.nullable().default(null),
  interval: duration({ min_ms: 60 * SECOND, max_ms: DAY }).default(60 * SECOND),
  type: z.enum(["gauge", "counter"]).default("gauge"),
});

const Collection = z.strictObject({
  interval_secs: duration({ min_ms: 10 * SECOND, max_ms: DAY }).default(60 * SECOND),
  metrics: list(metric, 50).optional(),
  intervals: z.partialRecord(z.enum(PACES), duration({ min_ms: SECOND, max_ms: DAY })).default({}),
  databases: z
    .strictObject({
      include: list(glob, 1_000).default([]),
      exclude: list(glob, 1_000).default([]),
    })
    .prefault({}),
  max_statements: whole({ min: 1, max: 20_000 }).default(500),
  max_tables: whole({ min: 1, max: 200_000 }).default(5_000),
  connection_budget: whole({ min: 1, max: 100 }).default(10),
  plans: z
    .union([
      yesOrNo.transform((enabled) => ({ enabled })),
      z.strictObject({
        enabled: yesOrNo.default(true),
        min_mean_ms: whole({ min: 0, max: 3_600_000 }).optional(),
        max_per_collection: whole({ min: 1, max: 200 }).optional(),
      }),
    ])
    .optional(),
  custom_metrics: z.array(CustomMetric).max(200).default([]),
  comments: yesOrNo.default(false),
  idle_backoff: yesOrNo.default(false),
  statement_timeout: duration({ min_ms: 100, max_ms: 600 * SECOND }).default(15 * SECOND),
});

export const FileSettings = z.strictObject({
  name: text.max(200).optional(),
  datapace: Upload.prefault({}),
  database: Database.prefault({}),
  collection: Collection.prefault({}),
  spool: z
    .strictObject({
      dir: text.optional(),
      max_bytes: bytes
        .pipe(z.number().min(1_000_000, "must be at least 1MB"))
        .default(256 * 1024 ** 2),
      max_age: duration({ min_ms: 60 * SECOND, max_ms: 90 * DAY }).default(7 * DAY),
    })
    .prefault({}),
  logging: z
    .strictObject({
      level: z.enum(LOG_LEVELS).default("info"),
      format: z.enum(["json", "pretty"]).default("pretty"),
    })
    .prefault({}),
  health: z
    .strictObject({
      enabled: yesOrNo.default(true),
      bind_address: text.default("127.0.0.1"),
      port: whole({ min: 0, max: 65_535 }).default(8080),
      path: z
        .string()
        .regex(/^\/[\w./-]*$/, "must be a path like /health")
        .default("/health"),
    })
    .prefault({}),
});
export type FileSettings = z.output<typeof FileSettings>;

/** `{ "collection": { "interval": 60 } }` and its like: names that people write, and what they mean. */
export const COMMON_MISTAKES: Record<string, string> = {
  "collection.interval": "collection.interval_secs",
  "collection.interval_seconds": "collection.interval_secs",
  "collection.sections": "collection.metrics",
  "collection.timeout": "collection.statement_timeout",
  "database.type": "database.db_type",
  "database.ssl": "database.sslmode",
  "database.databases": "collection.databases",
  "datapace.key": "datapace.api_key",
  "datapace.secret": "datapace.signing_secret",
  "datapace.url": "datapace.endpoint",
  "health.address": "health.bind_address",
  "health.host": "health.bind_address",
  "logging.log_level": "logging.level",
  "spool.directory": "spool.dir",
  "spool.path": "spool.dir",
};
