/** The tables behind charts of how values are spread: heatmap, histogram and box plot. */
import { t } from "../i18n/language.ts";
import { nameFormatter } from "./axis-options.ts";
import { valueFormat, valueWords } from "./number-words.ts";
import { type Plot, typeOf } from "./plot.ts";
import { columnZone, indexOf, type Scene } from "./scene.ts";
import { binWords } from "./spread-options.ts";
import { heading, type Line, measure, type Table } from "./table-lines.ts";

type Spread = Extract<Plot, { kind: "heat" | "histogram" | "boxes" }>;

export function spreadTable(scene: Scene, plot: Spread): Table {
  const { config } = scene;
  const x = typeOf(scene, config.x);
  const words = (exact: string) => valueWords(exact, valueFormat(config));
  switch (plot.kind) {
    case "heat": {
      const across = nameFormatter(config, x, scene.zone);
      const up = nameFormatter({ ...config, x_axis: {} }, typeOf(scene, config.series), scene.zone);
      return {
        head: [heading(scene), config.series ?? "", measure(scene)],
        numbers: 1,
        lines: plot.cells.map((cell) => ({
          cells: [across(plot.across[cell.x] ?? ""), up(plot.up[cell.y] ?? ""), words(cell.exact)],
          row: cell.row,
        })),
      };
    }
    case "histogram":
      return {
        head: [...(plot.series.length > 1 ? [t("Series")] : []), heading(scene), t("Count")],
        numbers: 1,
        lines: plot.series.flatMap((series) =>
          series.counts.map((count, bin) => ({
            cells: [
              ...(plot.series.length > 1 ? [series.name] : []),
              binWords(config, plot, bin),
              valueWords(String(count), undefined),
            ],
            row: series.rows[bin] ?? null,
          })),
        ),
      };
    case "boxes": {
      const zone = columnZone(scene, indexOf(scene.columns, config.x));
      const named = nameFormatter(config, typeOf(scene, config.x), zone);
      return {
        head: [
          heading(scene),
          t("Measure"),
          t("Count"),
          t("Lower whisker"),
          t("First quartile"),
          t("Median"),
          t("Third quartile"),
          t("Upper whisker"),
        ],
        numbers: 6,
        lines: plot.series.flatMap((series) =>
          series.boxes.flatMap((box, index): Line[] =>
            box === null
              ? []
              : [
                  {
                    cells: [
                      named(plot.names[index] ?? ""),
                      series.name,
                      valueWords(String(box.count), undefined),
                      ...box.five.map((each) => words(String(Number(each.toPrecision(15))))),
                    ],
                    row: box.row,
                  },
                ],
          ),
        ),
      };
    }
  }
}
