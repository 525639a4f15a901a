import type { ChartConfig } from "@quern/contract/chart-config";
import type { Cell, Column } from "@quern/contract/results";
import { parseDecimal, plainDecimal } from "../format/decimal.ts";
import { instantOf, isTimeZone } from "../format/time.ts";
import { cellText } from "../grid/tsv.ts";
import { t } from "../i18n/language.ts";
import { viewerZone } from "./instants.ts";
import { isTime } from "./roles.ts";

/** What a chart is made from. `zone` is where timestamptz is drawn; everything else is drawn as it stands. */
export type Scene = { config: ChartConfig; columns: Column[]; rows: Cell[][]; zone: string };

/** The zone of a chart: its own, else the dashboard's, else the viewer's; a name that this browser does not know is none. */
export function sceneZone(config: ChartConfig, zone: string | null | undefined): string {
  const wanted = config.x_axis?.time?.time_zone ?? zone ?? null;
  return wanted !== null && isTimeZone(wanted) ? wanted : viewerZone();
}

/** Where a column stands; -1 for one that is not asked for. Of several with one name the first is meant. */
export function indexOf(columns: Column[], name: string | null | undefined): number {
  return name === null || name === undefined
    ? -1
    : columns.findIndex((column) => column.name === name);
}

/** The zone in which the times of a column are drawn: only timestamptz has any but its own. */
export function columnZone(scene: Scene, index: number): string {
  return scene.columns[index]?.type === "timestamptz" ? scene.zone : "UTC";
}

/** A cell as the name of something; NULL has a name too. */
export function nameOf(cell: Cell): string {
  return cell === null ? "NULL" : cellText(cell);
}

/** A value as the engine wrote it, when it is a finite number; else null. Floats lose their exponent. */
export function numberText(cell: Cell): string | null {
  if (cell === null || typeof cell === "boolean" || cell === "") return null;
  const text = typeof cell === "string" ? cell : String(cell);
  if (!Number.isFinite(Number(text))) return null;
  if (!/[eE.]/.test(text)) return text;
  const decimal = parseDecimal(text);
  return decimal === null ? null : plainDecimal(decimal);
}

/** The form in which nearly all times come: 50,000 of them are read in a tenth of the time of the general way. */
const USUAL = /^\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\+00)?)?$/;

function instant(text: string): number | null {
  if (text.length > 22 || !USUAL.test(text)) return instantOf(text);
  const part = (at: number) => (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;
  const year = part(0) * 100 + part(2);
  // Date.UTC takes the first hundred years for those of the twentieth century.
  if (year < 100) return instantOf(text);
  return text.length === 10
    ? Date.UTC(year, part(5) - 1, part(8))
    : Date.UTC(year, part(5) - 1, part(8), part(11), part(14), part(17));
}

/** A cell as a number to draw, of a time its ms since 1970; null for what has no place on an axis. */
export function placeOf(cell: Cell, column: Column | undefined): number | null {
  if (cell === null) return null;
  if (column !== undefined && isTime(column.type)) return instant(cellText(cell));
  const text = numberText(cell);
  return text === null ? null : Number(text);
}

/** Words under a chart for rows that it does not show. */
export function skippedNote(skipped: number): string[] {
  return skipped > 0
    ? [
        t(
          "{n} value without a number or a place is not drawn. | {n} values without a number or a place are not drawn.",
          { n: skipped },
        ),
      ]
    : [];
}

/** The name of what is put together because there is too much of it. */
export const OTHER = "\u0000other";
export const nameWords = (name: string): string =>
  name === OTHER ? t("Other") : name === "" ? t("(empty)") : name;
