/** A single number or a table as a picture: their text, placed by hand, for the same files as other charts. */
import type { ChartConfig } from "@quern/contract/chart-config";
import type { Cell, Column } from "@quern/contract/results";
import type { EChartsCoreOption } from "echarts/core";
import { formatNumber } from "../format/number.ts";
import { formatTime } from "../format/time.ts";
import { columnTitle, isNumeric, shownText } from "../grid/cell-look.ts";
import { t } from "../i18n/language.ts";
import { FONT } from "./look.ts";
import { shareWords, valueFormat, valueWords } from "./number-words.ts";
import type { Ink } from "./palette.ts";
import { isTime } from "./roles.ts";
import type { Comparison, Stat } from "./stat.ts";

type Text = {
  text: string;
  x: number;
  y: number;
  size: number;
  color: string;
  weight?: number;
  align?: "left" | "center" | "right";
  width?: number;
};

function graphic({ text, x, y, size, color, weight = 400, align = "left", width }: Text) {
  return {
    type: "text",
    x,
    y,
    silent: true,
    style: {
      text,
      fill: color,
      font: `${weight} ${size}px ${FONT}`,
      align,
      verticalAlign: "middle",
      ...(width === undefined ? {} : { width, overflow: "truncate" }),
    },
  };
}

function changeOf(comparison: Comparison, format: ReturnType<typeof valueFormat>) {
  const change =
    comparison.share === null
      ? valueWords(comparison.difference, format)
      : shareWords(comparison.share);
  return { change, than: comparison.words };
}

export function statPicture(
  config: ChartConfig,
  stat: Stat,
  ink: Ink,
  width: number,
  height: number,
): EChartsCoreOption {
  const format = valueFormat(config);
  const words = stat.exact === null ? "–" : valueWords(stat.exact, format);
  const size = Math.min(96, (width * 0.9) / Math.max(3, words.length * 0.6), height * 0.4);
  const { comparison } = stat;
  const change =
    comparison === null || comparison.direction === "same"
      ? ""
      : comparison.direction === "up"
        ? t("{change} more {than}", changeOf(comparison, format))
        : t("{change} less {than}", changeOf(comparison, format));
  const lines = [change, stat.toneWords ?? ""].filter((line) => line !== "");
  const at = { x: width / 2, align: "center", width: width - 24 } as const;
  return {
    animation: false,
    graphic: [
      graphic({ ...at, text: stat.label, y: height / 2 - size * 0.75, size: 14, color: ink.faint }),
      graphic({
        ...at,
        text: words,
        y: height / 2,
        size,
        weight: 600,
        color: stat.tone === null ? ink.text : ink.tones[stat.tone],
      }),
      ...lines.map((text, index) =>
        graphic({
          ...at,
          text,
          y: height / 2 + size * 0.75 + index * 20,
          size: 14,
          color: ink.text,
        }),
      ),
    ],
  };
}

const LINE = 26;
const MOST_COLUMNS = 12;
const MOST_LINES = 100;

/** The first rows of a table, as its configuration shows them; `height` is what they need. */
export function tablePicture({
  config,
  columns,
  rows,
  ink,
  width,
  zone,
}: {
  config: ChartConfig;
  columns: Column[];
  rows: Cell[][];
  ink: Ink;
  width: number;
  zone: string;
}): { option: EChartsCoreOption; height: number } {
  const settings = config.table?.columns ?? [];
  const named = settings.flatMap((each) =>
    columns.flatMap((column, index) => (column.name === each.name ? [index] : [])),
  );
  const order = [...new Set([...named, ...columns.map((_, index) => index)])];
  const look = (index: number) => settings.find((each) => each.name === columns[index]?.name);
  const shown = order.filter((index) => !look(index)?.hidden).slice(0, MOST_COLUMNS);
  const lines = rows.slice(0, MOST_LINES);
  const room = (width - 24) / Math.max(1, shown.length);
  const cell = (
    text: string,
    column: number,
    y: number,
    index: number,
    weight: number,
    color: string,
  ) => {
    const right = isNumeric(columns[index]?.type ?? "text");
    return graphic({
      text,
      x: 12 + column * room + (right ? room - 8 : 0),
      y,
      size: 12,
      color,
      weight,
      align: right ? "right" : "left",
      width: room - 12,
    });
  };
  const words = (index: number, value: Cell): string => {
    const column = columns[index];
    if (value === null || column === undefined) return value === null ? "NULL" : "";
    const settings = look(index);
    if (isTime(column.type)) return formatTime(value, column.type, settings?.time, { zone });
    return isNumeric(column.type) ? formatNumber(value, settings?.format) : shownText(value);
  };
  return {
    height: LINE * (lines.length + 1) + 12,
    option: {
      animation: false,
      graphic: [
        ...shown.map((index, column) => {
          const known = columns[index];
          return cell(
            look(index)?.label ?? (known ? columnTitle(known) : ""),
            column,
            LINE / 2,
            index,
            600,
            ink.text,
          );
        }),
        ...lines.flatMap((row, line) => [
          {
            type: "line",
            shape: { x1: 12, x2: width - 12, y1: LINE * (line + 1), y2: LINE * (line + 1) },
            style: { stroke: ink.line },
            silent: true,
          },
          ...shown.map((index, column) =>
            cell(
              words(index, row[index] ?? null),
              column,
              LINE * (line + 1.5),
              index,
              400,
              ink.text,
            ),
          ),
        ]),
      ],
    },
  };
}
