/** The structure of one database, sent when its hash changes and once a day. Texts with literals are normalised. */
import { z } from "zod";
import { maybeCounter, maybeMeasure, normalisedText, objectName } from "./values.ts";

/** An expression that may hold literals: normalised, and hashed as it was so that equal ones can be told. */
const expression = z.object({ text: normalisedText, hash: z.string().max(64) });

export const SchemaColumn = z.object({
  name: objectName,
  data_type: z.string().max(300),
  nullable: z.boolean(),
  default: normalisedText.nullable(),
  position: z.int(),

  identity: z.enum(["a", "d", ""]).optional(),
  generated: z.enum(["s", "v", ""]).optional(),
  statistics: z
    .object({
      null_frac: maybeMeasure,
      avg_width: maybeMeasure,
      n_distinct: maybeMeasure,
      correlation: maybeMeasure,
    })
    .nullable()
    .optional()
    .describe("Of agents that had no section `column_statistics` yet; never values of rows"),
});

export const SchemaTable = z.object({
  schema: objectName,
  name: objectName,
  columns: z.array(SchemaColumn).max(1_700),
  row_count_estimate: maybeMeasure,
  size_bytes: maybeCounter,

  relid: z.int().nullable().optional(),
  kind: z.enum(["r", "p", "v", "m", "f"]).optional(),
  parent: z.string().max(600).nullable().optional(),
  partition_key: z.string().max(2_000).nullable().optional(),
  persistence: z.enum(["p", "u", "t"]).optional(),
  replica_identity: z.enum(["d", "n", "f", "i"]).optional(),
  row_security: z.boolean().optional(),
  comment: z
    .string()
    .max(2_000)
    .nullable()
    .optional()
    .describe("Only with `collection.comments: true`"),
  /** How many views deep a view stands on other views. */
  view_depth: z.int().optional(),
});
export type SchemaTable = z.infer<typeof SchemaTable>;

/** One key of an index: what decides whether another index can do the same. */
const IndexKey = z.object({
  column: objectName.nullable().describe("null: an expression"),
  expression: expression.nullable(),
  operator_class: z.string().max(200),
  collation: z.string().max(200).nullable(),
  descending: z.boolean(),
  nulls_first: z.boolean(),
});

export const SchemaIndex = z.object({
  schema: objectName,
  table: objectName,
  name: objectName,
  columns: z.array(z.string().max(10_000)).max(100),
  is_unique: z.boolean(),
  is_primary: z.boolean(),
  size_bytes: maybeCounter,

  relid: z.int().nullable().optional(),
  access_method: z.string().max(64).optional(),
  keys: z.array(IndexKey).max(32).optional(),
  include: z.array(objectName).max(32).optional(),
  predicate: expression.nullable().optional(),
  is_valid: z.boolean().optional(),
  is_ready: z.boolean().optional(),
  is_exclusion: z.boolean().optional(),
  is_replica_identity: z.boolean().optional(),
  is_clustered: z.boolean().optional(),
  nulls_not_distinct: z.boolean().optional(),
  parent: z.string().max(600).nullable().optional().describe("The partitioned index it belongs to"),
  constraint: objectName.nullable().optional(),
  fillfactor: z.int().nullable().optional(),
  definition: normalisedText.optional().describe("pg_get_indexdef, literals taken out"),
});
export type SchemaIndex = z.infer<typeof SchemaIndex>;

export const SchemaConstraint = z.object({
  schema: objectName,
  table: objectName,
  name: objectName,
  type: z.enum(["p", "u", "f", "c", "x", "n", "t"]).describe("pg_constraint.contype"),
  columns: z.array(objectName).max(1_700),
  validated: z.boolean(),
  references: z
    .object({
      schema: objectName,
      table: objectName,
      columns: z.array(objectName).max(32),
      column_types: z.array(z.string().max(300)).max(32),
    })
    .nullable(),
  column_types: z.array(z.string().max(300)).max(1_700).optional(),
  inherited: z.boolean().describe("Of a partition: said once at its parent"),
  definition: normalisedText.nullable(),
});
export type SchemaConstraint = z.infer<typeof SchemaConstraint>;

export const SchemaExtension = z.object({
  name: objectName,
  version: z.string().max(80),
  default_version: z.string().max(80).nullable(),
  schema: objectName,
});

/** What rules about security and habits need; bodies never leave the machine. */
export const SchemaRoutine = z.object({
  schema: objectName,
  name: objectName,
  arguments: z.string().max(4_000),
  kind: z.enum(["f", "p", "a", "w"]),
  language: objectName,
  security_definer: z.boolean(),
  sets_search_path: z.boolean(),
  public_may_execute: z.boolean(),
  hash: z.string().max(64).describe("Of the body, so that a change is seen"),
});

export const SchemaSnapshot = z.object({
  tables: z.array(SchemaTable).max(200_000),
  indexes: z.array(SchemaIndex).max(500_000),
  constraints: z.array(SchemaConstraint).max(500_000).optional(),
  extensions: z.array(SchemaExtension).max(1_000).optional(),
  routines: z.array(SchemaRoutine).max(50_000).optional(),
  triggers: z
    .array(
      z.object({
        schema: objectName,
        table: objectName,
        name: objectName,
        enabled: z.enum(["O", "D", "R", "A"]),
      }),
    )
    .max(50_000)
    .optional(),
  publications: z
    .array(
      z.object({
        name: objectName,
        updates: z.boolean(),
        deletes: z.boolean(),
        all_tables: z.boolean(),
        tables: z.array(z.string().max(600)).max(100_000),
      }),
    )
    .max(1_000)
    .optional(),
  schemas: z
    .array(z.object({ name: objectName, public_may_create: z.boolean() }))
    .max(20_000)
    .optional(),
  hash: z.string().max(64).optional().describe("SHA-256 of all the above, in hexadecimal"),
  /** Left out because of `collection.max_tables`. */
  omitted_tables: z.int().optional(),
});
export type SchemaSnapshot = z.infer<typeof SchemaSnapshot>;
