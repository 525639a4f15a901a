import { t } from "../i18n/language.ts";
import type { Scene } from "./scene.ts";

/**
 * `row`: the first row of the result behind a line; null where there is none. `exact`: what a cell leaves out, for a hover;
 * null where it says all.
 */
export type Line = { cells: string[]; row: number | null; exact?: (string | null)[] };
/** `lines` are the first 1,000 of `total`. */
export type PlotTable = { head: string[]; numbers: number; lines: Line[]; total: number };
export type Table = Omit<PlotTable, "total">;

/** Words for the x column, whatever a chart calls it. */
export const heading = (scene: Scene): string =>
  scene.config.x_axis?.title || scene.config.x || t("Name");
export const measure = (scene: Scene): string => scene.config.y.join(", ") || t("Count");
