/** The table behind a chart: what is drawn, in words, for everybody who would rather read it. */
import { t } from "../i18n/language.ts";
import { regionName } from "./maps/names.ts";
import { fullWords, shareWords, valueFormat, valueWords } from "./number-words.ts";
import { type Plot, typeOf } from "./plot.ts";
import type { Scene } from "./scene.ts";
import { spreadTable } from "./spread-table.ts";
import { heading, type Line, measure, type PlotTable, type Table } from "./table-lines.ts";
import { instantWords } from "./time-words.ts";
import { placeWords } from "./xy-options.ts";

/** Nobody reads more, and words for 50,000 points would hold up the page. */
const MOST = 1_000;

/** The table of a chart. `numbers`: how many of the last columns are numbers. */
export function plotTable(scene: Scene, plot: Plot): PlotTable {
  const { cut, total } = firstMarks(plot);
  const table = tableOf(scene, cut);
  return { ...table, total: total ?? table.lines.length };
}

/** The plot with its first marks only, and how many there are where that is known before they are put into words. */
function firstMarks(plot: Plot): { cut: Plot; total: number | null } {
  let left = MOST;
  const first = <T>(marks: T[]): T[] => {
    const kept = marks.slice(0, left);
    left -= kept.length;
    return kept;
  };
  switch (plot.kind) {
    case "xy": {
      const series = plot.series.map((each) => ({
        ...each,
        points: each.points.filter((point) => point.exact !== null),
      }));
      const total = series.reduce((sum, { points }) => sum + points.length, 0);
      return {
        cut: { ...plot, series: series.map((each) => ({ ...each, points: first(each.points) })) },
        total,
      };
    }
    case "scatter": {
      const total = plot.series.reduce((sum, { dots }) => sum + dots.length, 0);
      return {
        cut: { ...plot, series: plot.series.map((each) => ({ ...each, dots: first(each.dots) })) },
        total,
      };
    }
    case "spots": {
      const total = plot.series.reduce((sum, { spots }) => sum + spots.length, 0);
      return {
        cut: {
          ...plot,
          series: plot.series.map((each) => ({ ...each, spots: first(each.spots) })),
        },
        total,
      };
    }
    case "heat":
      return { cut: { ...plot, cells: first(plot.cells) }, total: plot.cells.length };
    default:
      return { cut: plot, total: null };
  }
}

function tableOf(scene: Scene, plot: Plot): Table {
  const { config } = scene;
  const x = typeOf(scene, config.x);
  const words = (exact: string, axis?: "left" | "right") =>
    valueWords(exact, valueFormat(config, axis));
  switch (plot.kind) {
    case "xy": {
      const several = plot.series.length > 1;
      const lines = plot.series.flatMap((series) =>
        series.points.flatMap(({ x: place, exact, row }): Line[] =>
          exact === null
            ? []
            : [
                {
                  cells: [
                    ...(several ? [series.name] : []),
                    placeWords(config, plot, x, place),
                    words(exact, series.axis),
                  ],
                  row,
                },
              ],
        ),
      );
      return {
        head: [
          ...(several ? [t("Series")] : []),
          heading(scene),
          several ? t("Value") : (plot.series[0]?.name ?? t("Value")),
        ],
        numbers: 1,
        lines,
      };
    }
    case "scatter":
      return {
        head: [t("Series"), heading(scene), measure(scene)],
        numbers: 2,
        lines: plot.series.flatMap((series) =>
          series.dots.map((dot) => ({
            cells: [
              series.name,
              plot.axis === "time"
                ? instantWords(dot.x, 0, plot.zone, "auto")
                : valueWords(String(dot.x), undefined),
              words(dot.exact),
            ],
            row: dot.row,
          })),
        ),
      };
    case "parts":
      return {
        head: [
          heading(scene),
          measure(scene),
          config.type === "pie" ? t("Of the whole") : t("Of the step before"),
        ],
        numbers: 2,
        lines: plot.parts.map((part) => {
          const share = config.type === "pie" ? part.share : part.kept;
          return {
            cells: [part.name, words(part.exact), share === null ? "" : shareWords(share)],
            row: part.row,
          };
        }),
      };
    case "heat":
    case "histogram":
    case "boxes":
      return spreadTable(scene, plot);
    default:
      return otherTable(scene, plot);
  }
}

function otherTable(
  scene: Scene,
  plot: Extract<Plot, { kind: "stat" | "regions" | "spots" }>,
): Table {
  const { config } = scene;
  const words = (exact: string) => valueWords(exact, valueFormat(config));
  switch (plot.kind) {
    case "stat": {
      const { comparison } = plot;
      return {
        head: [t("Measure"), t("Value"), t("Compared with"), t("Status")],
        numbers: 0,
        lines: [
          {
            cells: [
              plot.label,
              plot.exact === null ? "NULL" : fullWords(plot.exact, valueFormat(config)).words,
              comparison === null ? "" : words(comparison.base),
              plot.toneWords ?? "",
            ],
            row: plot.row,
          },
        ],
      };
    }
    case "regions":
      return {
        head: [heading(scene), measure(scene)],
        numbers: 1,
        lines: [...plot.regions]
          .sort((a, b) => b.value - a.value)
          .map((region) => ({
            cells: [regionName(plot.map, region.code), words(region.exact)],
            row: region.row,
          })),
      };
    case "spots":
      return {
        head: [
          t("Series"),
          heading(scene),
          t("Latitude"),
          t("Longitude"),
          config.size ?? t("Size"),
        ],
        numbers: 3,
        lines: plot.series.flatMap((series) =>
          series.spots.map((spot) => ({
            cells: [
              series.name,
              spot.name,
              String(spot.latitude),
              String(spot.longitude),
              spot.exact === null ? "" : valueWords(spot.exact, undefined),
            ],
            row: spot.row,
          })),
        ),
      };
  }
}
