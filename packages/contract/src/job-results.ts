import { z } from "zod";
import { HexKey } from "./project-tree.ts";
import { id } from "./text.ts";

const side = z.strictObject({ state_key: HexKey, tail_hash: HexKey.nullable() });

/** Something that is not the same in two states. `left` and `right` are its definitions, where it has one. */
export const StateDifference = z
  .strictObject({
    kind: z.string().describe("table, view, function, index, constraint, role, setting …"),
    name: z.string(),
    change: z.enum(["added", "removed", "changed"]).describe("From left to right"),
    left: z.string().nullable(),
    right: z.string().nullable(),
  })
  .meta({ id: "StateDifference" });
export type StateDifference = z.infer<typeof StateDifference>;

/** What a job other than a run gives. */
export const JobResult = z
  .discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("diff"),
      left: side,
      right: side,
      identical: z.boolean(),
      objects: z.array(StateDifference),
      tables: z.array(
        z.strictObject({
          schema: z.string(),
          name: z.string(),
          left_rows: z.number().int().nullable().describe("null: it is not there"),
          right_rows: z.number().int().nullable(),
          same_rows: z
            .boolean()
            .nullable()
            .describe("Whether the rows are the same; null: not compared"),
        }),
      ),
      truncated: z.boolean().describe("There are more differences than these"),
    }),
    z.strictObject({
      type: z.literal("verify"),
      state_key: HexKey,
      layer_id: id.nullable(),
      reproducible: z.boolean().nullable(),
      differences: z.array(StateDifference),
    }),
    z.strictObject({ type: z.literal("instance"), instance_id: id, name: z.string() }),
    z.strictObject({
      type: z.literal("export"),
      state_key: HexKey,
      chunks: z.number().int(),
      chunks_sent: z.number().int().describe("That the shared store lacked"),
      bytes: z.number().int(),
      bytes_sent: z.number().int(),
    }),
    z.strictObject({
      type: z.literal("import"),
      state_key: HexKey,
      layer_id: id.nullable(),
      bytes: z.number().int(),
    }),
  ])
  .meta({ id: "JobResult" });
export type JobResult = z.infer<typeof JobResult>;
