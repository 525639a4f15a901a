import { z } from "zod";
import { NumberFormat, TimeFormat } from "./number-format.ts";
import { text } from "./text.ts";

export const ChartType = z
  .enum([
    "line",
    "area",
    "bar",
    "scatter",
    "pie",
    "heatmap",
    "histogram",
    "box",
    "funnel",
    "stat",
    "table",
    "region_map",
    "point_map",
  ])
  .meta({ id: "ChartType" });
export type ChartType = z.infer<typeof ChartType>;

const column = text(200).describe("Name of a column of the result");

/** One of eight places in the palette, which is right in both themes, or a colour of its own. */
export const ChartColor = z
  .string()
  .regex(
    /^([1-8]|#[0-9a-f]{6})$/,
    "must be a place in the palette, 1 to 8, or a colour such as #4f46e5",
  );

/** What good and bad look like: names, so that each theme has its own colours and none stands alone without a word. */
export const Tone = z.enum(["good", "neutral", "warning", "bad"]).meta({ id: "Tone" });
export type Tone = z.infer<typeof Tone>;

/** A decimal number as text, so that no digit is lost. */
const decimal = z
  .string()
  .max(64)
  .regex(/^-?\d+(\.\d+)?$/, "must be a decimal number");

/** From this value on, up to the next threshold, a value has this tone. */
export const Threshold = z
  .strictObject({ value: decimal, tone: Tone, label: text(100).optional() })
  .meta({ id: "Threshold" });
export type Threshold = z.infer<typeof Threshold>;

/** A mark on the x axis: an instant, a number or a name, or the span up to `to`. */
const Annotation = z.strictObject({ at: text(200), to: text(200).optional(), label: text(200) });

const SeriesSettings = z.strictObject({
  name: text(1_000).describe("The measure, or the value of the series column"),
  label: text(200).optional(),
  color: ChartColor.optional(),
  type: z
    .enum(["line", "area", "bar"])
    .optional()
    .describe("Of line, area and bar charts: drawn so instead"),
  axis: z.enum(["left", "right"]).optional(),
});

const Axis = z.strictObject({
  title: text(200).optional(),
  min: decimal.optional(),
  max: decimal.optional(),
  logarithmic: z.boolean().optional(),
  format: NumberFormat.optional(),
});

/** How one column of a table looks. */
export const TableColumn = z
  .strictObject({
    name: column,
    label: text(200).optional(),
    hidden: z.boolean().optional(),
    pinned: z.boolean().optional(),
    width: z.number().int().min(40).max(2_000).optional().describe("Pixels"),
    format: NumberFormat.optional(),
    time: TimeFormat.optional(),
    color: z
      .discriminatedUnion("type", [
        z.strictObject({
          type: z.literal("thresholds"),
          thresholds: z.array(Threshold).min(1).max(20),
        }),
        z.strictObject({ type: z.literal("scale"), color: ChartColor.optional() }),
        z.strictObject({ type: z.literal("bar"), color: ChartColor.optional() }),
        z.strictObject({
          type: z.literal("values"),
          values: z
            .array(z.strictObject({ value: text(200), tone: Tone }))
            .min(1)
            .max(100),
        }),
      ])
      .optional()
      .describe(
        "Conditional formatting: by thresholds, from the least to the greatest, a bar in the cell, or by value",
      ),
  })
  .meta({ id: "TableColumn" });
export type TableColumn = z.infer<typeof TableColumn>;

/**
 * A drawing of a result: columns by name and settings, text only. `x` goes along the axis: the names of a pie, a funnel or a map
 * of regions, the value of a histogram. `y` are the measures; `series` splits them by the values of a column. What a type has
 * no use for is kept, so that another type can have it back.
 */
export const ChartConfig = z
  .strictObject({
    type: ChartType,
    x: column.nullable(),
    y: z.array(column).max(50),
    series: column.nullable(),
    stacked: z.boolean(),
    horizontal: z.boolean(),
    percent: z.boolean().optional().describe("Of stacked: shares of the whole"),
    size: column.optional().describe("Of scatter and map of points"),
    latitude: column.optional(),
    longitude: column.optional(),
    regions: z.enum(["canada-provinces", "us-states"]).optional(),
    aggregate: z
      .enum(["sum", "mean", "min", "max", "count"])
      .optional()
      .describe("What becomes of rows of one place and series; sum when left out"),
    sort: z.enum(["rows", "x", "value_ascending", "value_descending"]).optional(),
    most: z
      .number()
      .int()
      .min(1)
      .max(1_000)
      .optional()
      .describe("So many places; the rest becomes one, named Other"),
    missing: z
      .enum(["gap", "zero", "connect"])
      .optional()
      .describe("Where a series has no value: gap when left out"),
    bins: z.number().int().min(2).max(200).optional().describe("Of histogram"),
    legend: z.enum(["auto", "none", "top", "bottom", "right"]).optional(),
    labels: z.boolean().optional().describe("Values written at the marks"),
    smooth: z.boolean().optional(),
    x_axis: z.strictObject({ title: text(200).optional(), time: TimeFormat.optional() }).optional(),
    y_axis: Axis.optional(),
    y_axis_right: Axis.optional(),
    format: NumberFormat.optional().describe("Of the values, where an axis has none of its own"),
    series_settings: z.array(SeriesSettings).max(200).optional(),
    thresholds: z.array(Threshold).max(20).optional(),
    annotations: z.array(Annotation).max(50).optional(),
    stat: z
      .strictObject({
        row: z
          .enum(["first", "last"])
          .optional()
          .describe("Which row is shown; last when left out"),
        compare: z.enum(["none", "previous_row", "first_row", "column", "target"]).optional(),
        compare_column: column.optional(),
        target: decimal.optional(),
        better: z.enum(["up", "down", "neither"]).optional(),
        sparkline: z.boolean().optional(),
        label: text(200).optional(),
      })
      .optional(),
    table: z
      .strictObject({
        columns: z.array(TableColumn).max(1_600),
        wrap: z.boolean().optional(),
      })
      .optional(),
  })
  .meta({ id: "ChartConfig" });
export type ChartConfig = z.infer<typeof ChartConfig>;
