/** Tables and indexes of a database as their tabs and pages read them. */
import {
  type IndexTotals,
  listIndexes,
  listTables,
  readTable,
  type TableTotals,
} from "@quern/contract/health/relations";
import { keepPreviousData, useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../../api.ts";
import { databaseKey } from "../databases.ts";
import type { Range } from "../range.ts";
import { useWindowedList } from "./windowed-list.ts";

const TABLE_ORDERS = [
  ...(["size", "growth", "dead", "pressure", "seq_scan", "writes", "bloat"] as const),
  ...(["freeze_age", "name"] as const),
];
const INDEX_ORDERS = ["size", "growth", "scans", "unused", "bloat", "name"] as const;
const MARKS = ["unused", "invalid", "duplicate"] as const;

type TableOrder = (typeof TABLE_ORDERS)[number];
type IndexOrder = (typeof INDEX_ORDERS)[number];

/** The orders that an address says, as far as the API knows them. */
export const tableOrder = (text: string | null): TableOrder =>
  TABLE_ORDERS.find((each) => each === text) ?? "size";
export const indexOrder = (text: string | null): IndexOrder =>
  INDEX_ORDERS.find((each) => each === text) ?? "size";

type TableFilter = { order: TableOrder; search: string | null };
/** `only` is what an address says; what the API does not know is left out. */
type IndexFilter = {
  order: IndexOrder;
  search: string | null;
  table: string | null;
  only: string | null;
};

export function useTables(
  id: MaybeRefOrGetter<string>,
  range: Range,
  filter: MaybeRefOrGetter<TableFilter>,
) {
  const asked = computed(() => {
    const { order, search } = toValue(filter);
    return {
      ...range.query.value,
      order,
      ...(search === null ? {} : { search }),
    };
  });
  const read = (window: { offset: number; limit: number }, signal: AbortSignal) =>
    api.call(listTables, {
      ...{ params: { id: toValue(id) }, query: { ...asked.value, ...window }, signal },
    });
  return useWindowedList<TableTotals, Awaited<ReturnType<typeof read>>>({
    key: () => [...databaseKey(toValue(id)), "tables", asked.value],
    reset: () => toValue(filter),
    ...{ read, total: (answer) => answer.total },
  });
}

export function useIndexes(
  id: MaybeRefOrGetter<string>,
  range: Range,
  filter: MaybeRefOrGetter<IndexFilter>,
) {
  const asked = computed(() => {
    const { order, search, table, only } = toValue(filter);
    const mark = MARKS.find((each) => each === only);
    return {
      ...range.query.value,
      order,
      ...(search === null ? {} : { search }),
      ...(table === null ? {} : { table }),
      ...(mark === undefined ? {} : { only: mark }),
    };
  });
  const read = (window: { offset: number; limit: number }, signal: AbortSignal) =>
    api.call(listIndexes, {
      ...{ params: { id: toValue(id) }, query: { ...asked.value, ...window }, signal },
    });
  return useWindowedList<IndexTotals, Awaited<ReturnType<typeof read>>>({
    key: () => [...databaseKey(toValue(id)), "indexes", asked.value],
    reset: () => toValue(filter),
    ...{ read, total: (answer) => answer.total },
  });
}

export function useTable(
  id: MaybeRefOrGetter<string>,
  relation_id: MaybeRefOrGetter<string>,
  range: Range,
) {
  return useQuery({
    queryKey: computed(() => [
      ...databaseKey(toValue(id)),
      ...["table", toValue(relation_id), range.query.value, range.compare.value],
    ]),
    queryFn: ({ signal }) =>
      api.call(readTable, {
        params: { id: toValue(id), relation_id: toValue(relation_id) },
        query: { ...range.query.value, ...(range.compare.value ? { compare: "week" } : {}) },
        signal,
      }),
    placeholderData: (before, query) =>
      query?.queryKey[4] === toValue(relation_id) ? keepPreviousData(before) : undefined,
  });
}
