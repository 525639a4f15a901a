import type { Column } from "@quern/contract/results";
import { type Filter, type SortKey, viewRunResult } from "@quern/contract/run-results";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import { filterText, parseFilters, parseSort, sortText } from "../grid/view-address.ts";
import { useDerivedRun } from "./derived-run.ts";
import { useAddress } from "./query-address.ts";

/** The parts of the address that hold a result's sorting and filters: taken out when other SQL is run. */
export const NO_VIEW = { sort: null, filter: null };

export type ResultViewState = ReturnType<typeof useResultView>;

/** How the rows of one statement are sorted and filtered: said by the address, done by the server, at any size. */
export function useResultView(config: {
  runId: MaybeRefOrGetter<string>;
  statement: MaybeRefOrGetter<number>;
  columns: MaybeRefOrGetter<Column[]>;
  /** False while the rows still come. */
  enabled: MaybeRefOrGetter<boolean>;
}) {
  const address = useAddress();
  const sortAddress = address.text("sort");
  const count = computed(() => toValue(config.columns).length);
  const sort = computed(() => parseSort(sortAddress.value, count.value));
  const filters = computed(() => parseFilters(address.list("filter"), count.value));
  const active = computed(() => sort.value.length > 0 || filters.value.length > 0);
  const run = useDerivedRun(
    () =>
      active.value && toValue(config.enabled)
        ? ["view", toValue(config.runId), toValue(config.statement), sort.value, filters.value]
        : null,
    () =>
      api.call(viewRunResult, {
        params: { id: toValue(config.runId) },
        body: { statement: toValue(config.statement), sort: sort.value, filters: filters.value },
      }),
  );

  return {
    sort,
    filters,
    active,
    run,
    /** The statement whose rows are the view's; null while there is none. */
    rows: computed(() => run.done.value?.statements.find((each) => each.columns !== null) ?? null),
    setSort: (next: SortKey[]) => address.set({ sort: sortText(next) }),
    setFilters: (next: Filter[]) =>
      address.set({ filter: next.length === 0 ? null : next.map(filterText) }),
    clear: () => address.set(NO_VIEW),
  };
}
