/** What the edit mode's buttons do to the draft. */

import type { Parameter } from "@quern/contract/parameters";
import type { Tile } from "@quern/contract/tiles";
import { ref } from "vue";
import {
  type ChartTile,
  changedTile,
  chartTile,
  copiedTile,
  type Draft,
  sectionTile,
  type TileVisualization,
  textTile,
  withoutParameter,
  withoutTile,
  withParameter,
  withTile,
} from "../dashboard/draft.ts";
import { compacted } from "../dashboard/grid.ts";
import { t } from "../i18n/language.ts";
import { moved } from "../parameters/definitions.ts";
import { randomId } from "../random-id.ts";
import type { DashboardEdit } from "./dashboard-edit.ts";
import type { DashboardValues } from "./dashboard-values.ts";

/** A name that no parameter has yet: `city`, `city_2`, … */
function freeName(params: Parameter[], wanted: string): string {
  const taken = new Set(params.map(({ name }) => name));
  let name = wanted;
  for (let n = 2; taken.has(name); n++) name = `${wanted.slice(0, 58)}_${n}`;
  return name;
}

export function useEditDeeds(edit: DashboardEdit, values: DashboardValues) {
  /** The tile whose settings are open, and the parameter whose definition is. */
  const tileId = ref<string | null>(null);
  const parameterName = ref<string | null>(null);
  const change = (kind: string, next: (draft: Draft) => Draft) => {
    if (edit.draft.value !== null) edit.step(next(edit.draft.value), kind);
  };
  function add(make: (id: string, draft: Draft) => Tile, settings: boolean): void {
    const id = randomId();
    change(`add:${id}`, (draft) => withTile(draft, make(id, draft)));
    if (settings) tileId.value = id;
    // It may stand below what is seen.
    requestAnimationFrame(() =>
      document.querySelector(`[data-tile="${id}"]`)?.scrollIntoView({ block: "nearest" }),
    );
  }

  return {
    tileId,
    parameterName,
    addChart: (visualization: TileVisualization) =>
      add((id, draft) => chartTile(id, draft, visualization), false),
    addText: () =>
      add((id, draft) => textTile(id, draft, t("## A heading\nWhat people should know.")), true),
    addSection: () => add((id, draft) => sectionTile(id, draft, t("New section")), true),
    move: (tiles: Tile[]) => change("move", (draft) => ({ ...draft, tiles })),
    closeGaps: () => change("gaps", (draft) => ({ ...draft, tiles: compacted(draft.tiles) })),
    changeTile: (tile: Tile, kind: string) => change(kind, (draft) => changedTile(draft, tile)),
    copyTile: (id: string) =>
      change(`copy:${randomId()}`, (draft) => copiedTile(draft, id, randomId())),
    removeTile(id: string): void {
      if (tileId.value === id) tileId.value = null;
      change(`remove:${id}`, (draft) => withoutTile(draft, id));
    },
    /** Another chart for a tile: bindings to parameters that its query lacks go. */
    replaceChart(tile: ChartTile, visualization: TileVisualization): void {
      change(`chart:${tile.id}:${visualization.id}`, (draft) => {
        const fresh = chartTile(tile.id, draft, visualization);
        const names = new Set(visualization.query.params.map(({ name }) => name));
        const kept = Object.entries(tile.bindings).filter(([name]) => names.has(name));
        const bindings = { ...fresh.bindings, ...Object.fromEntries(kept) };
        return changedTile(draft, {
          ...fresh,
          title: tile.title,
          place: tile.place,
          click: tile.click,
          bindings,
        });
      });
    },
    rename: (name: string) => change("rename", (draft) => ({ ...draft, name })),
    describe: (description: string) => change("describe", (draft) => ({ ...draft, description })),
    settings: (settings: Draft["settings"]) =>
      change("settings", (draft) => ({ ...draft, settings })),
    addParameter(): void {
      const name = freeName(edit.draft.value?.params ?? [], "parameter");
      change(`parameter:${name}`, (draft) =>
        withParameter(draft, null, { name, type: "text", required: false }),
      );
      parameterName.value = name;
    },
    /** Makes a parameter out of one of a tile's query and binds that to it. */
    createParameter(tile: ChartTile, { name: wanted, ...definition }: Parameter): void {
      const name = freeName(edit.draft.value?.params ?? [], wanted);
      change(`parameter:${name}`, (draft) => {
        const bound = {
          ...tile,
          bindings: { ...tile.bindings, [wanted]: { type: "dashboard" as const, name } },
        };
        return changedTile(withParameter(draft, null, { name, ...definition }), bound);
      });
    },
    changeParameter(before: string, changed: Parameter): void {
      change(`parameter:${before}`, (draft) => withParameter(draft, before, changed));
      if (parameterName.value === before) parameterName.value = changed.name;
    },
    moveParameter: (name: string, step: -1 | 1) =>
      change(`order:${name}`, (draft) => ({ ...draft, params: moved(draft.params, name, step) })),
    removeParameter(name: string): void {
      parameterName.value = null;
      change(`unparameter:${name}`, (draft) =>
        withoutParameter(draft, name, values.applied.value[name]),
      );
    },
  };
}
