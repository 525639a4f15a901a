/** A dashboard while it is edited: all that a save sends, with what each tile shows. */
import type { Dashboard, DashboardInput } from "@quern/contract/dashboards";
import type { Parameter, ParameterValue } from "@quern/contract/parameters";
import { canBind } from "@quern/contract/parameters/binding";
import type { Tile, TileInput } from "@quern/contract/tiles";
import { freePlace, type Size } from "./grid.ts";

export type ChartTile = Extract<Tile, { type: "visualization" }>;
export type TextTile = Extract<Tile, { type: "text" }>;
type SectionTile = Extract<Tile, { type: "section" }>;
export type TileVisualization = NonNullable<ChartTile["visualization"]>;
export type Draft = Pick<Dashboard, "name" | "description" | "params" | "settings" | "tiles">;

/** How large a new tile is, in cells. */
const SIZES: Record<Tile["type"] | "stat" | "table" | "map", Size> = {
  visualization: { width: 12, height: 9 },
  stat: { width: 6, height: 4 },
  table: { width: 12, height: 11 },
  map: { width: 12, height: 12 },
  text: { width: 8, height: 5 },
  section: { width: 24, height: 2 },
};

export function draftOf({ name, description, params, settings, tiles }: Dashboard): Draft {
  return { name, description, params, settings, tiles };
}

/** As the API takes it. */
export function inputOf(
  draft: Draft,
): Required<Omit<DashboardInput, "folder_id" | "tags" | "group_ids">> {
  const { name, description, params, settings, tiles } = draft;
  return { name, description, params, settings, tiles: tiles.flatMap(tileInput) };
}

/** A tile whose chart is gone for good has nothing that could be kept: it ends with the save. */
function tileInput(tile: Tile): TileInput[] {
  if (tile.type !== "visualization") return [tile];
  const { visualization: _shown, trouble: _trouble, visualization_id, ...kept } = tile;
  return visualization_id === null ? [] : [{ ...kept, visualization_id }];
}

/** Whether a save of one would be a save of the other. */
export function sameDraft(a: Draft, b: Draft): boolean {
  return a === b || JSON.stringify(inputOf(a)) === JSON.stringify(inputOf(b));
}

function sizeOf(visualization: TileVisualization): Size {
  switch (visualization.config.type) {
    case "stat":
      return SIZES.stat;
    case "table":
      return SIZES.table;
    case "region_map":
    case "point_map":
      return SIZES.map;
    default:
      return SIZES.visualization;
  }
}

/** A tile for a chart, bound to the dashboard's parameters of the same name that can hold its values. */
export function chartTile(id: string, draft: Draft, visualization: TileVisualization): ChartTile {
  const bound = visualization.query.params.filter((parameter) =>
    draft.params.some((each) => each.name === parameter.name && canBind(each, parameter)),
  );
  return {
    id,
    type: "visualization",
    title: null,
    place: freePlace(draft.tiles, sizeOf(visualization)),
    visualization_id: visualization.id,
    visualization,
    trouble: null,
    bindings: Object.fromEntries(
      bound.map(({ name }) => [name, { type: "dashboard" as const, name }]),
    ),
    click: null,
  };
}

export function textTile(id: string, draft: Draft, content: string): TextTile {
  return { id, type: "text", title: null, place: freePlace(draft.tiles, SIZES.text), content };
}

/** A section goes below everything: it folds what comes after it. */
export function sectionTile(id: string, draft: Draft, title: string): SectionTile {
  const below = draft.tiles.reduce((most, { place }) => Math.max(most, place.y + place.height), 0);
  const place = { x: 0, y: below, ...SIZES.section };
  return { id, type: "section", title, place, collapsed: false };
}

export function withTile(draft: Draft, tile: Tile): Draft {
  return { ...draft, tiles: [...draft.tiles, tile] };
}

export function withoutTile(draft: Draft, id: string): Draft {
  return { ...draft, tiles: draft.tiles.filter((tile) => tile.id !== id) };
}

export function changedTile(draft: Draft, tile: Tile): Draft {
  return { ...draft, tiles: draft.tiles.map((each) => (each.id === tile.id ? tile : each)) };
}

/** A copy of a tile under a new id, at the next free place. */
export function copiedTile(draft: Draft, id: string, newId: string): Draft {
  const tile = draft.tiles.find((each) => each.id === id);
  if (tile === undefined) return draft;
  const place = freePlace(draft.tiles, tile.place, tile.place.y);
  return withTile(draft, { ...tile, id: newId, place });
}

/** A parameter of the dashboard made, or changed; under another name its bindings and clicks go along. */
export function withParameter(draft: Draft, before: string | null, changed: Parameter): Draft {
  if (before === null) return { ...draft, params: [...draft.params, changed] };
  const params = draft.params.map((each) => (each.name === before ? changed : each));
  const tiles = draft.tiles.map((tile) =>
    tile.type === "visualization" ? retargeted(tile, before, changed) : tile,
  );
  return { ...draft, params, tiles };
}

function retargeted(tile: ChartTile, before: string, changed: Parameter): ChartTile {
  const query = tile.visualization?.query.params ?? [];
  const bindings: ChartTile["bindings"] = {};
  for (const [name, binding] of Object.entries(tile.bindings)) {
    if (binding.type !== "dashboard" || binding.name !== before) {
      bindings[name] = binding;
      continue;
    }
    const target = query.find((each) => each.name === name);
    // Of another type now: the tile goes back to its query's own default.
    if (target === undefined || canBind(changed, target))
      bindings[name] = { type: "dashboard", name: changed.name };
  }
  return { ...tile, bindings, click: renamedClick(tile.click, before, changed.name) };
}

function renamedClick(click: ChartTile["click"], before: string, after: string) {
  if (click === null || click.type === "link" || before === after) return click;
  const set: typeof click.set = {};
  for (const [name, value] of Object.entries(click.set)) {
    const from = value.type === "parameter" && value.name === before ? after : null;
    set[click.type === "filter" && name === before ? after : name] =
      from === null ? value : { type: "parameter", name: from };
  }
  return { ...click, set };
}

/** Without a parameter: tiles that took their value from it keep `value` of it, if there is one, as a fixed one. */
export function withoutParameter(
  draft: Draft,
  name: string,
  value: ParameterValue | undefined,
): Draft {
  const tiles = draft.tiles.map((tile) =>
    tile.type === "visualization" ? unbound(tile, name, value) : tile,
  );
  return { ...draft, params: draft.params.filter((each) => each.name !== name), tiles };
}

function unbound(tile: ChartTile, name: string, value: ParameterValue | undefined): ChartTile {
  const bindings: ChartTile["bindings"] = {};
  for (const [own, binding] of Object.entries(tile.bindings)) {
    if (binding.type !== "dashboard" || binding.name !== name) bindings[own] = binding;
    else if (value !== undefined) bindings[own] = { type: "fixed", value };
  }
  const { click } = tile;
  if (click === null || click.type === "link") return { ...tile, bindings };
  const set = Object.fromEntries(
    Object.entries(click.set).filter(
      ([target, from]) =>
        !(click.type === "filter" && target === name) &&
        !(from.type === "parameter" && from.name === name),
    ),
  );
  const empty = Object.keys(set).length === 0 && Object.keys(click.set).length > 0;
  return { ...tile, bindings, click: empty && click.type === "filter" ? null : { ...click, set } };
}
