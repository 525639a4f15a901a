/** Where the parameters of a tile's query get their values from. */

import type { Parameter, ParameterValue, ParameterValues } from "@quern/contract/parameters";
import type { TileBinding } from "@quern/contract/tiles";
import type { ChartTile } from "./draft.ts";

/** A value that a tile asks for itself is kept under this name beside those of the dashboard. */
export function askedName(tileId: string, name: string): string {
  return `${tileId.slice(0, 8)}:${name}`;
}

/** The parameters that a tile has controls of its own for. */
export function askedParameters(tile: ChartTile): Parameter[] {
  const params = tile.visualization?.query.params ?? [];
  return params.filter((each) => tile.bindings[each.name]?.type === "ask");
}

/** Everything that the page has a control for: the dashboard's, and what tiles ask for under names of their own. */
export function controlledParameters(params: Parameter[], tiles: ChartTile[]): Parameter[] {
  const asked = tiles.flatMap((tile) =>
    askedParameters(tile).map((each) => ({ ...each, name: askedName(tile.id, each.name) })),
  );
  return [...params, ...asked];
}

/** The values that the API is asked with: what equals a default is left out already. */
export function requestValues(
  params: Parameter[],
  tiles: ChartTile[],
  chosen: ParameterValues,
): { params: ParameterValues; tile_params: Record<string, ParameterValues> } {
  const own: ParameterValues = {};
  for (const { name } of params) if (chosen[name] !== undefined) own[name] = chosen[name];
  const ofTiles: Record<string, ParameterValues> = {};
  for (const tile of tiles)
    for (const { name } of askedParameters(tile)) {
      const value = chosen[askedName(tile.id, name)];
      if (value !== undefined) ofTiles[tile.id] = { ...ofTiles[tile.id], [name]: value };
    }
  return { params: own, tile_params: ofTiles };
}

export type BoundValue = {
  parameter: Parameter;
  /** `default`: the query's own. */
  from: TileBinding["type"] | "default";
  /** The control that changes it; null when it is fixed or the query's default. */
  control: string | null;
  value: ParameterValue | undefined;
};

/** What each parameter of a tile's query gets, given the value that each control holds (defaults put in). */
export function boundValues(tile: ChartTile, held: ParameterValues): BoundValue[] {
  const holds = (control: string, parameter: Parameter): ParameterValue | undefined =>
    Object.hasOwn(held, control) ? held[control] : parameter.default;
  return (tile.visualization?.query.params ?? []).map((parameter): BoundValue => {
    const binding = tile.bindings[parameter.name];
    switch (binding?.type) {
      case "fixed":
        return { parameter, from: "fixed", control: null, value: binding.value };
      case "dashboard": {
        const control = binding.name;
        return { parameter, from: "dashboard", control, value: holds(control, parameter) };
      }
      case "ask": {
        const control = askedName(tile.id, parameter.name);
        return { parameter, from: "ask", control, value: holds(control, parameter) };
      }
      default:
        return { parameter, from: "default", control: null, value: parameter.default };
    }
  });
}

/** Where a value may be missing, when the server says that one is: only it knows what the SQL can do without. */
export function valueless(tile: ChartTile, held: ParameterValues): BoundValue[] {
  return boundValues(tile, held).filter(
    ({ parameter, value }) => value === undefined && parameter.required !== false,
  );
}
