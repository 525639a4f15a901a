import { z } from "zod";
import { text } from "./text.ts";

/** How numbers are written. Never loses digits in tables: the exact value is one hover away. */
export const NumberFormat = z
  .strictObject({
    style: z
      .enum(["number", "percent", "currency", "bytes", "duration_s", "duration_ms"])
      .describe("percent: 0.12 is 12 %; durations are written in words"),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, "must be a currency code of three capital letters, such as CAD")
      .optional()
      .describe("Of currency: ISO 4217"),
    unit: text(20).optional().describe("Behind the number: MW, customers"),
    decimals: z.number().int().min(0).max(12).optional(),
    compact: z.boolean().optional().describe("1.2M instead of 1,204,331"),
  })
  .meta({ id: "NumberFormat" });
export type NumberFormat = z.infer<typeof NumberFormat>;

/** How times are written. Types without a time zone are never shifted. */
export const TimeFormat = z
  .strictObject({
    style: z.enum(["auto", "date", "datetime", "time", "month", "year"]),
    time_zone: text(64)
      .nullable()
      .optional()
      .describe("IANA name for timestamptz; null or left out: the viewer's"),
  })
  .meta({ id: "TimeFormat" });
export type TimeFormat = z.infer<typeof TimeFormat>;
