/** What one version of a dashboard changed, in words. */
import type { DashboardVersion } from "@quern/contract/dashboards";
import type { TileInput } from "@quern/contract/tiles";
import { t } from "../i18n/language.ts";
import { labelOf } from "../parameters/definitions.ts";
import { samePlace } from "./grid.ts";

type Version = Pick<DashboardVersion, "name" | "description" | "params" | "settings" | "tiles">;
/** What a tile is called; charts without a title of their own are called as their chart, if that is still known. */
type TileNames = (tile: TileInput) => string;

const NAMED = 3;

/** One sentence for each kind of change, the most telling first; empty when nothing is different. */
export function changeWords(before: Version | null, after: Version, names: TileNames): string[] {
  if (before === null)
    return [t("Made with {n} tile | Made with {n} tiles", { n: after.tiles.length })];
  return [
    ...(before.name === after.name
      ? []
      : [t("Renamed from “{before}” to “{after}”", { before: before.name, after: after.name })]),
    ...tileWords(before, after, names),
    ...parameterWords(before, after),
    ...(before.description === after.description ? [] : [t("Changed the description")]),
    ...(same(before.settings, after.settings) ? [] : [t("Changed the settings")]),
  ];
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

function tileWords(before: Version, after: Version, names: TileNames): string[] {
  const old = new Map(before.tiles.map((tile) => [tile.id, tile]));
  const ids = new Set(after.tiles.map((tile) => tile.id));
  const kept = after.tiles.filter((tile) => old.has(tile.id));
  const was = (tile: TileInput) => old.get(tile.id) ?? tile;
  const added = after.tiles.filter((tile) => !old.has(tile.id));
  const removed = before.tiles.filter((tile) => !ids.has(tile.id));
  const renamed = kept.filter((tile) => tile.title !== was(tile).title);
  const moved = kept.filter((tile) => !samePlace(tile.place, was(tile).place));
  const rebound = kept.filter(
    (tile) => tile.type === "visualization" && !same(wiring(tile), wiring(was(tile))),
  );
  const rewritten = kept.filter((tile) => !same(content(tile), content(was(tile))));
  return [
    ...list(added, names, (tiles) => t("Added {tiles}", { tiles })),
    ...list(removed, names, (tiles) => t("Removed {tiles}", { tiles })),
    ...renamed
      .slice(0, NAMED)
      .map((tile) =>
        t("Renamed “{before}” to “{after}”", { before: names(was(tile)), after: names(tile) }),
      ),
    ...(moved.length > NAMED
      ? [t("Moved or resized {n} tile | Moved or resized {n} tiles", { n: moved.length })]
      : list(moved, names, (tiles) => t("Moved or resized {tiles}", { tiles }))),
    ...list(rewritten, names, (tiles) => t("Changed {tiles}", { tiles })),
    ...list(rebound, names, (tiles) => t("Changed the values or the click of {tiles}", { tiles })),
  ];
}

const wiring = (tile: TileInput) =>
  tile.type === "visualization" ? [Object.entries(tile.bindings).sort(), tile.click] : null;

function content(tile: TileInput) {
  switch (tile.type) {
    case "visualization":
      return tile.visualization_id;
    case "text":
      return tile.content;
    case "section":
      return tile.collapsed;
  }
}

function list(tiles: TileInput[], names: TileNames, words: (tiles: string) => string): string[] {
  if (tiles.length === 0) return [];
  const shown = tiles
    .slice(0, NAMED)
    .map((tile) => t("“{value}”", { value: names(tile).slice(0, 80) }));
  const more = tiles.length - shown.length;
  const named = shown.join(", ");
  return [words(more === 0 ? named : t("{names} and {count} more", { names: named, count: more }))];
}

function parameterWords(before: Version, after: Version): string[] {
  const old = new Map(before.params.map((each) => [each.name, each]));
  const names = new Set(after.params.map((each) => each.name));
  const words = (params: Version["params"]) =>
    params.map((each) => t("“{value}”", { value: labelOf(each) })).join(", ");
  const added = after.params.filter((each) => !old.has(each.name));
  const removed = before.params.filter((each) => !names.has(each.name));
  const changed = after.params.filter(
    (each) => old.has(each.name) && !same(old.get(each.name), each),
  );
  return [
    ...(added.length > 0 ? [t("Added the parameter {names}", { names: words(added) })] : []),
    ...(removed.length > 0 ? [t("Removed the parameter {names}", { names: words(removed) })] : []),
    ...(changed.length > 0 ? [t("Changed the parameter {names}", { names: words(changed) })] : []),
  ];
}
