import { TableColumn } from "@quern/contract/chart-config";
import type { Column } from "@quern/contract/results";
import { computed, ref } from "vue";
import { z } from "zod";
import {
  type ArrangedColumn,
  arrange,
  type ColumnChange,
  changeColumn,
  moveColumn,
  settingsOf,
} from "../grid/column-settings.ts";
import { readStored, store } from "./stored.ts";

const Look = z.object({ at: z.number(), columns: z.array(TableColumn) });
type Look = z.infer<typeof Look>;

const PREFIX = "quern:grid:";
/** Looks that a browser keeps; those changed the longest ago go first. */
const KEPT = 300;

const isLook = (value: unknown): value is Look => Look.safeParse(value).success;

function keep(key: string, columns: TableColumn[]): void {
  store(PREFIX + key, columns.length === 0 ? null : JSON.stringify({ at: Date.now(), columns }));
  const keys = Object.keys(localStorage).filter((each) => each.startsWith(PREFIX));
  if (keys.length <= KEPT) return;
  const none: Look = { at: 0, columns: [] };
  const oldest = keys
    .map((each) => ({ key: each, at: readStored(each, isLook, none).at }))
    .sort((a, b) => a.at - b.at)
    .slice(0, keys.length - KEPT);
  for (const each of oldest) store(each.key, null);
}

/** How a person arranged the columns of a result: kept by this browser under `key`, for this page only when it is null. */
export function useGridLook(key: string | null, columns: () => Column[]) {
  const stored =
    key === null ? [] : readStored(PREFIX + key, isLook, { at: 0, columns: [] }).columns;
  const settings = ref<TableColumn[]>(stored);
  const arranged = computed(() => arrange(columns(), settings.value));

  function set(next: ArrangedColumn[]): void {
    settings.value = settingsOf(next, settings.value);
    if (key !== null) keep(key, settings.value);
  }
  return {
    arranged,
    set,
    change: (index: number, change: ColumnChange) =>
      set(changeColumn(arranged.value, index, change)),
    /** Moves the column at `index` of the result to the place of the one at `beside`, or by so many places. */
    move(index: number, to: { beside: number } | { by: number }): void {
      const from = arranged.value.findIndex((each) => each.index === index);
      const place =
        "by" in to ? from + to.by : arranged.value.findIndex((each) => each.index === to.beside);
      set(moveColumn(arranged.value, from, place));
    },
    /** Something is arranged otherwise than it came. */
    unusual: computed(() => settings.value.length > 0),
    reset(): void {
      settings.value = [];
      if (key !== null) keep(key, []);
    },
  };
}
export type GridLook = ReturnType<typeof useGridLook>;
