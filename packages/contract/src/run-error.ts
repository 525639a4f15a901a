import { z } from "zod";

/** Why a run failed. A closed list. */
export const RunErrorCode = z
  .enum([
    "sql_error",
    "script_error",
    "timeout",
    "runner_lost",
    "executor_oom",
    "executor_crashed",
    "oversized_row",
    "datasource_unreachable",
    "auth_failed",
    "permission_denied",
    "result_store_unavailable",
    "internal",
  ])
  .meta({ id: "RunErrorCode" });
export type RunErrorCode = z.infer<typeof RunErrorCode>;

export const RunError = z
  .strictObject({
    code: RunErrorCode,
    message: z.string(),
    sqlstate: z.string().nullable(),
    position: z
      .number()
      .int()
      .nullable()
      .describe("Offset in the run's SQL, UTF-16 code units, from 0"),
    detail: z.string().nullable(),
    hint: z.string().nullable(),
    file: z.string().nullable().optional().describe("Of a script: the file it is about"),
    line: z
      .number()
      .int()
      .nullable()
      .optional()
      .describe("Of a script: the line of that file, from 1"),
  })
  .meta({ id: "RunError" });
export type RunError = z.infer<typeof RunError>;
