/** The lines of a chart out of an answer of the API: in order, with gaps where nothing is known. */
import type { SeriesAnswer } from "@quern/contract/health/ranges";
import type { PlotTable } from "../chart/table-lines.ts";
import { t } from "../i18n/language.ts";
import { exactInstant } from "../words/instants.ts";
import { metricName } from "./metric-names.ts";
import { exactIfShort, formatValue } from "./values.ts";

/** `points`: ms and the value, null for a gap. `week`: the line of `name` a week before. */
export type ChartLine = {
  name: string;
  label: string;
  unit: string;
  /** The place of its colour: a line of the week before has that of its own. */
  color: number;
  week: boolean;
  points: [number, number | null][];
};

const WEEK = ":week";
/** Steps that are missing before it is a gap. */
const GAP = 1.9;

type Choice = {
  names?: string[] | undefined;
  labels?: Record<string, string> | undefined;
  unit?: string | undefined;
};

/** The series of `answer`, or those of `names` in that order, each with its week before after it. */
export function chartLines(answer: SeriesAnswer, { names, labels, unit }: Choice): ChartLine[] {
  const own = answer.series.filter(({ name }) => !name.endsWith(WEEK));
  const wanted = names ?? own.map(({ name }) => name);
  const breaks = breaksOf(answer);
  return wanted.flatMap((name, color) =>
    [name, `${name}${WEEK}`].flatMap((each): ChartLine[] => {
      const series = answer.series.find((one) => one.name === each);
      if (series === undefined) return [];
      const week = each !== name;
      const label = labels?.[name] ?? metricName(name);
      return [
        {
          ...{ name: each, color, week, unit: unit ?? series.unit },
          label: week ? t("{name}, a week before", { name: label }) : label,
          points: pointsOf(answer, series.values, breaks),
        },
      ];
    }),
  );
}

function pointsOf(
  { at }: SeriesAnswer,
  values: readonly (number | null)[],
  breaks: ReadonlySet<number>,
): ChartLine["points"] {
  return at.flatMap((instant, index): ChartLine["points"] => {
    const ms = Date.parse(instant);
    const point: [number, number | null] = [ms, values[index] ?? null];
    return breaks.has(index) ? [[ms - 1, null], point] : [point];
  });
}

/** Before which places steps are missing. An interval that is as long as the pause (a gap that was spread) is none. */
function breaksOf({ at, seconds }: SeriesAnswer): Set<number> {
  const times = at.map((instant) => Date.parse(instant));
  const steps = times.slice(1).map((ms, index) => ms - (times[index] ?? ms));
  const usual = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
  const found = new Set<number>();
  steps.forEach((step, index) => {
    const interval = (seconds[index + 1] ?? 0) * 1000;
    if (step > Math.max(usual, interval) * GAP) found.add(index + 1);
  });
  return found;
}

/** Ms between two points, as a rule; 0 when there are fewer than two. */
export function stepOf({ at }: SeriesAnswer): number {
  const times = at.map((instant) => Date.parse(instant));
  const steps = times.slice(1).map((ms, index) => ms - (times[index] ?? ms));
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
}

/** The table behind a chart: an instant a line, a column for each series; the newest first. */
export function chartTable(lines: readonly ChartLine[]): PlotTable {
  const at = [...new Set(lines.flatMap(({ points }) => points.map(([ms]) => ms)))];
  const byLine = lines.map(({ points }) => new Map(points));
  const known = at
    .filter((ms) => byLine.some((points) => (points.get(ms) ?? null) !== null))
    .sort((a, b) => b - a);
  return {
    head: [t("Time"), ...lines.map(({ label }) => label)],
    numbers: lines.length,
    total: known.length,
    lines: known.slice(0, 1_000).map((ms) => ({
      row: null,
      cells: [
        exactInstant(new Date(ms).toISOString()),
        ...lines.map(({ unit }, index) => formatValue(byLine[index]?.get(ms) ?? null, unit)),
      ],
      exact: [
        null,
        ...lines.map(({ unit }, index) => exactIfShort(byLine[index]?.get(ms) ?? null, unit)),
      ],
    })),
  };
}
