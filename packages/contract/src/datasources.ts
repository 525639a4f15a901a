import { z } from "zod";
import { ColumnType } from "./results.ts";
import { route } from "./route.ts";
import { RunStarted } from "./run-started.ts";
import { id, instant, name, page, text } from "./text.ts";

export const DatasourceType = z.enum(["postgres"]).meta({ id: "DatasourceType" });
export type DatasourceType = z.infer<typeof DatasourceType>;

const positive = z.number().int().min(1);

/** libpq's meanings of `sslmode`; `allow` is left out. */
export const SslMode = z.enum(["disable", "prefer", "require", "verify-ca", "verify-full"]);
export type SslMode = z.infer<typeof SslMode>;

export const PostgresConfig = z
  .strictObject({
    host: text(255)
      .min(1)
      .regex(/^[A-Za-z0-9._:/-]+$/, "must be a host name, an IP address or a socket directory"),
    port: positive.max(65_535),
    database: text(63).min(1),
    user: text(63).min(1),
    sslmode: SslMode,
    ssl_root_cert: text(65_536).optional().describe("PEM; for verify-ca and verify-full"),
    read_only: z.boolean().describe("Sessions start read-only; use a role that may only read, too"),
  })
  .meta({ id: "PostgresConfig" });
export type PostgresConfig = z.infer<typeof PostgresConfig>;

export const PostgresSecret = z.strictObject({ password: text(1024) });
export type PostgresSecret = z.infer<typeof PostgresSecret>;

/** What a run may use at most. Each defaults to, and may not exceed, the installation's settings. */
export const Limits = z
  .strictObject({
    timeout_ms: positive.max(3_600_000),
    max_rows: positive.max(50_000_000),
    max_bytes: positive.max(20 * 1024 ** 3).describe("Uncompressed"),
  })
  .meta({ id: "Limits" });
export type Limits = z.infer<typeof Limits>;

export const DEFAULT_LIMITS: Limits = {
  timeout_ms: 60_000,
  max_rows: 100_000,
  max_bytes: 256 * 1024 ** 2,
};

export const TestStep = z.strictObject({
  step: z.enum(["resolve", "connect", "tls", "sign_in", "read_only", "version"]),
  status: z.enum(["ok", "warning", "failed", "skipped"]),
  duration_ms: z.number(),
  message: z.string().describe("What was found: an address, a version, an error in words"),
  hint: z.string().nullable().describe("What to do, when it failed"),
});
export type TestStep = z.infer<typeof TestStep>;

export const ConnectionReport = z
  .strictObject({ ok: z.boolean(), version: z.string().nullable(), steps: z.array(TestStep) })
  .meta({ id: "ConnectionReport" });
export type ConnectionReport = z.infer<typeof ConnectionReport>;

export const Datasource = z
  .strictObject({
    id,
    name: z.string(),
    type: DatasourceType,
    config: PostgresConfig,
    secret: z.strictObject({ set: z.boolean(), changed_at: instant.nullable() }),
    max_concurrency: z.number().int(),
    limits: Limits.partial(),
    groups: z.array(z.strictObject({ id, name: z.string() })).describe("Who it is granted to"),
    created_at: instant,
    updated_at: instant,
    last_test: z.strictObject({ run_id: id, at: instant, report: ConnectionReport }).nullable(),
    introspected_at: instant.nullable(),
    built_in: z
      .enum(["health"])
      .nullable()
      .describe("One that Quern made itself: only limits, caps and grants can be changed"),
  })
  .meta({ id: "Datasource" });
export type Datasource = z.infer<typeof Datasource>;

export const DatasourceInput = z.strictObject({
  name,
  type: DatasourceType,
  config: PostgresConfig,
  secret: PostgresSecret.optional(),
  max_concurrency: positive.max(1000).optional().describe("8 when left out"),
  limits: Limits.partial().optional(),
  group_ids: z
    .array(id)
    .max(1000)
    .optional()
    .describe("Groups it is granted to; nobody when left out"),
});
export type DatasourceInput = z.infer<typeof DatasourceInput>;

// What is optional was not read by earlier versions, or is not there: a snapshot of 100,000 columns says each `null` in vain.
export const SchemaColumn = z.strictObject({
  name: z.string(),
  type: ColumnType,
  source_type: z.string(),
  not_null: z.boolean(),
  default: z.string().nullable(),
  comment: z.string().nullable(),
  generated: z.string().optional().describe("The expression of a generated column"),
  identity: z.enum(["always", "by_default"]).optional(),
});
export const SchemaKey = z.strictObject({
  name: z.string(),
  type: z.enum(["primary", "unique", "foreign"]),
  columns: z.array(z.string()),
  references: z
    .strictObject({ schema: z.string(), table: z.string(), columns: z.array(z.string()) })
    .nullable(),
});
export const SchemaIndex = z.strictObject({
  name: z.string(),
  definition: z.string(),
  unique: z.boolean().optional(),
  valid: z.boolean().optional().describe("false: a build that failed; the planner does not use it"),
  bytes: z.number().optional(),
});
export const SchemaTrigger = z.strictObject({
  name: z.string(),
  definition: z.string(),
  enabled: z.boolean(),
});
export const SchemaRelation = z.strictObject({
  name: z.string(),
  kind: z.enum(["table", "partitioned_table", "view", "materialized_view", "foreign_table"]),
  comment: z.string().nullable(),
  row_estimate: z
    .number()
    .nullable()
    .describe("The planner's estimate; null when never analysed; of partitioned tables the sum"),
  bytes: z.number().nullable().describe("With indexes; of partitioned tables the sum"),
  columns: z.array(SchemaColumn),
  keys: z.array(SchemaKey),
  indexes: z.array(SchemaIndex),
  triggers: z.array(SchemaTrigger).optional(),
  checks: z.array(z.strictObject({ name: z.string(), definition: z.string() })).optional(),
  partition_of: z
    .strictObject({ schema: z.string(), table: z.string(), bound: z.string() })
    .optional()
    .describe("The table that this one is a partition of, and which rows it holds"),
});
export const SchemaFunction = z.strictObject({
  name: z.string(),
  arguments: z.string(),
  result: z.string(),
  kind: z.enum(["function", "procedure", "aggregate", "window"]),
  language: z.string().optional(),
  comment: z.string().nullable().optional(),
});
export const SchemaSequence = z.strictObject({
  name: z.string(),
  source_type: z.string(),
  comment: z.string().nullable(),
  owned_by: z
    .strictObject({ schema: z.string(), table: z.string(), column: z.string() })
    .nullable()
    .describe("The column that it numbers"),
});
export const SchemaType = z.strictObject({
  name: z.string(),
  kind: z.enum(["enum", "domain", "composite", "range"]),
  comment: z.string().nullable(),
  labels: z.array(z.string()).optional().describe("Of an enum, in its order"),
  definition: z.string().optional().describe("Of the others: the type below, the fields"),
});
/** What introspection found, in the order of names. System schemas are left out. */
export const SchemaSnapshot = z
  .strictObject({
    schemas: z.array(
      z.strictObject({
        name: z.string(),
        comment: z.string().nullable(),
        relations: z.array(SchemaRelation),
        functions: z.array(SchemaFunction),
        sequences: z.array(SchemaSequence).optional(),
        types: z.array(SchemaType).optional(),
      }),
    ),
    gaps: z
      .array(z.strictObject({ part: z.string(), message: z.string() }))
      .optional()
      .describe("Parts that the engine refused to tell, and why; the rest is whole"),
  })
  .meta({ id: "SchemaSnapshot" });
export type SchemaSnapshot = z.infer<typeof SchemaSnapshot>;
export type SchemaRelation = z.infer<typeof SchemaRelation>;

const byId = z.strictObject({ id });
const tag = "datasources";

export const listDatasources = route({
  operation: "listDatasources",
  summary: "Datasources that you may use",
  tag,
  method: "GET",
  path: "/api/v1/datasources",
  replies: { 200: page(Datasource) },
});

export const createDatasource = route({
  operation: "createDatasource",
  summary: "Create a datasource; its secret is sealed and can never be read back",
  tag,
  method: "POST",
  path: "/api/v1/datasources",
  body: DatasourceInput,
  replies: { 201: Datasource },
});

export const readDatasource = route({
  operation: "readDatasource",
  summary: "One datasource",
  tag,
  method: "GET",
  path: "/api/v1/datasources/:id",
  params: byId,
  replies: { 200: Datasource },
});

export const changeDatasource = route({
  operation: "changeDatasource",
  summary:
    "Change a datasource; changing host, port, user or TLS clears the secret unless it is sent too",
  tag,
  method: "PATCH",
  path: "/api/v1/datasources/:id",
  params: byId,
  body: DatasourceInput.omit({ type: true }).partial(),
  replies: { 200: Datasource },
});

export const deleteDatasource = route({
  operation: "deleteDatasource",
  summary: "Delete a datasource and its queries; run history stays",
  tag,
  method: "DELETE",
  path: "/api/v1/datasources/:id",
  params: byId,
  replies: { 204: z.null() },
});

export const testDatasourceForm = route({
  operation: "testDatasourceForm",
  summary:
    "Test a connection that is not saved; `datasource_id` lends its stored secret when the endpoint is the same",
  tag,
  method: "POST",
  path: "/api/v1/datasources/test",
  body: z.strictObject({
    type: DatasourceType,
    config: PostgresConfig,
    secret: PostgresSecret.optional(),
    datasource_id: id.optional(),
  }),
  replies: { 202: RunStarted },
});

export const testDatasource = route({
  operation: "testDatasource",
  summary: "Test a saved datasource's connection",
  tag,
  method: "POST",
  path: "/api/v1/datasources/:id/test",
  params: byId,
  replies: { 202: RunStarted },
});

export const introspectDatasource = route({
  operation: "introspectDatasource",
  summary: "Read the datasource's schemas, tables and columns anew",
  tag,
  method: "POST",
  path: "/api/v1/datasources/:id/introspect",
  params: byId,
  replies: { 202: RunStarted },
});

export const readDatasourceSchema = route({
  operation: "readDatasourceSchema",
  summary: "The last introspection; null when there was none",
  tag,
  method: "GET",
  path: "/api/v1/datasources/:id/schema",
  params: byId,
  replies: {
    200: z.strictObject({
      introspected_at: instant.nullable(),
      snapshot: SchemaSnapshot.nullable(),
    }),
  },
});
