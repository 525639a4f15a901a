import { z } from "zod";
import { id, text } from "./text.ts";

/**
 * What a parameter of a query is. `date_range` gives the two names `{{ p.start }}` and `{{ p.end }}`; `identifier` is a name of
 * a table or column out of its `options`, the only kind that becomes part of the SQL.
 */
export const ParameterType = z
  .enum([
    "text",
    "int8",
    "numeric",
    "float8",
    "boolean",
    "date",
    "timestamp",
    "timestamptz",
    "date_range",
    "enum",
    "identifier",
  ])
  .meta({ id: "ParameterType" });
export type ParameterType = z.infer<typeof ParameterType>;

export const ParameterName = text(63).regex(
  /^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]*$/,
  "must begin with a letter or _ and go on with letters, digits or _",
);

export const RangeUnit = z.enum(["minute", "hour", "day", "week", "month", "quarter", "year"]);
export type RangeUnit = z.infer<typeof RangeUnit>;

/** A range that moves with the clock: the last or next `count` units (1 when left out), or the current one. */
export const RelativeRange = z
  .strictObject({
    relative: z.enum(["last", "next", "this"]),
    count: z.number().int().min(1).max(10_000).optional().describe("Of `last` and `next`"),
    unit: RangeUnit,
    include_current: z
      .boolean()
      .optional()
      .describe("Of `last` and `next`: the unit that goes on now, too"),
  })
  .meta({ id: "RelativeRange" });
export type RelativeRange = z.infer<typeof RelativeRange>;

const scalar = z.union([text(1_048_576), z.number(), z.boolean(), z.null()]);

/**
 * A value as a caller gives it. Numbers beyond 2^53 and decimals are strings. null is the value NULL; a parameter that is left
 * out has no value. `{"all": true}` means: do not filter by this.
 */
export const ParameterValue = z
  .union([
    scalar,
    z.array(text(1_048_576)).max(10_000),
    z
      .strictObject({ start: text(64), end: text(64) })
      .describe("The start is in the range, the end is not"),
    RelativeRange,
    z.strictObject({ all: z.literal(true) }),
  ])
  .meta({ id: "ParameterValue" });
export type ParameterValue = z.infer<typeof ParameterValue>;

export const ParameterValues = z.record(ParameterName, ParameterValue);
export type ParameterValues = z.infer<typeof ParameterValues>;

export const ParameterOption = z.strictObject({
  value: text(10_000),
  label: text(1_000).optional(),
});
export type ParameterOption = z.infer<typeof ParameterOption>;

/** What a query declares of one `{{ name }}`. */
export const Parameter = z
  .strictObject({
    name: ParameterName,
    label: text(200).optional(),
    type: ParameterType,
    required: z
      .boolean()
      .optional()
      .describe(
        "true when left out: a run without a value is refused, unless all uses are in [[ ]]",
      ),
    default: ParameterValue.optional(),
    multiple: z.boolean().optional().describe("Of enum: several values, bound as an array"),
    options: z.array(ParameterOption).max(10_000).optional().describe("Of enum and identifier"),
    options_query: z
      .strictObject({
        query_id: id,
        value_column: text(255).optional().describe("The column named `value`, else the first"),
        label_column: text(255)
          .optional()
          .describe("The column named `name` or `label`, else the value"),
        depends_on: z
          .array(ParameterName)
          .max(20)
          .optional()
          .describe("Parameters whose values the options query gets under the same names"),
      })
      .optional()
      .describe("Of enum: the options are the rows of another query"),
    pattern: text(500)
      .optional()
      .describe("Of text: a regular expression that the whole value has to match"),
    time_zone: text(64)
      .optional()
      .describe(
        "IANA name, for relative ranges and timestamptz without an offset; UTC when left out",
      ),
    bound_as: z
      .enum(["date", "timestamp", "timestamptz"])
      .optional()
      .describe(
        "Of date_range: the SQL type of both ends. When left out: date for ranges of days, else timestamptz",
      ),
  })
  .meta({ id: "Parameter" });
export type Parameter = z.infer<typeof Parameter>;

/** A parameter as a run used it: what was given or defaulted, and what was bound. */
export const RunParameter = z
  .strictObject({
    name: z.string(),
    type: ParameterType,
    given: ParameterValue.describe("As the caller sent it, or the default"),
    bound: z
      .array(
        z.strictObject({
          name: z.string().describe("`p`, or `p.start` and `p.end`"),
          sql_type: z.string(),
          value: z.union([z.string(), z.array(z.string()), z.null()]),
        }),
      )
      .describe("Empty when nothing was bound: all, or an identifier"),
  })
  .meta({ id: "RunParameter" });
export type RunParameter = z.infer<typeof RunParameter>;
