import type { Parameter, ParameterOption, ParameterValues } from "@quern/contract/parameters";
import { readQuery } from "@quern/contract/queries";
import type { RunError } from "@quern/contract/run-error";
import { readRunRows } from "@quern/contract/run-results";
import { createRun } from "@quern/contract/runs";
import { keepPreviousData, useQuery } from "@tanstack/vue-query";
import { computed, onScopeDispose, ref, watch } from "vue";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { optionalNames, readTemplate, troubleOf } from "../parameters/engine.ts";
import { optionsOfRows } from "../parameters/options.ts";
import { randomId } from "../random-id.ts";
import { awaitRun } from "./await-run.ts";

/** Options that were read within so many seconds are not read again. */
const FRESH_S = 300;
const PAGE = 5_000;
const MAX_OPTIONS = 10_000;
const SEARCH_MS = 250;

/** The query behind a dropdown ended badly. */
export class OptionsError extends Error {
  override name = "OptionsError";
  readonly runId: string;
  constructor(runId: string, error: RunError | null) {
    super(error?.message ?? t("The query was canceled."));
    this.runId = runId;
  }
}

type Options = {
  options: ParameterOption[];
  more: boolean;
  /** Parents that have to get a value first; then there are no options yet. */
  waitsFor: string[];
  /** The options query has a parameter `search`: it gets what was typed, and gives the options that fit. */
  searches: boolean;
};
/** What the options are asked with. */
type Wish = { parents: ParameterValues; search: string; fresh: boolean };

/** What the options query takes of the parents' values, and which of them it cannot do without. */
async function fitParents(queryId: string, { parents, search }: Wish, signal: AbortSignal) {
  const query = await api.call(readQuery, { params: { id: queryId }, signal });
  const optional = optionalNames(readTemplate(query.sql));
  const params: ParameterValues = {};
  const waitsFor: string[] = [];
  const searches = query.params.some((each) => each.name === "search") && !("search" in parents);
  const given: ParameterValues = searches && search !== "" ? { ...parents, search } : parents;
  for (const parameter of query.params) {
    const { name } = parameter;
    const value = given[name];
    if (value !== undefined) params[name] = value;
    const needed = troubleOf(parameter, value ?? parameter.default, optional.has(name)) !== null;
    if (value === undefined && needed) waitsFor.push(name);
  }
  return { params, waitsFor, searches };
}

/** Runs the options query with the values of the parameters that it depends on, and reads what it gave. */
async function readOptions(
  source: NonNullable<Parameter["options_query"]>,
  wish: Wish,
  signal: AbortSignal,
): Promise<Options> {
  const { params, waitsFor, searches } = await fitParents(source.query_id, wish, signal);
  if (waitsFor.length > 0) return { options: [], more: false, waitsFor, searches };
  const started = await api.call(createRun, {
    body: { query_id: source.query_id, params, max_age_s: wish.fresh ? 0 : FRESH_S },
    idempotencyKey: randomId(),
    signal,
  });
  const run = await awaitRun(started.id, signal);
  if (run.status !== "succeeded") throw new OptionsError(run.id, run.error);
  const read = (offset: number) =>
    api.call(readRunRows, { params: { id: run.id }, query: { offset, limit: PAGE }, signal });
  const first = await read(0);
  const rows = first.rows;
  while (rows.length < Math.min(first.total, MAX_OPTIONS)) {
    const page = await read(rows.length);
    if (page.rows.length === 0) break;
    rows.push(...page.rows);
  }
  return {
    options: optionsOfRows(first.columns, rows.slice(0, MAX_OPTIONS), source),
    more: first.total > MAX_OPTIONS || first.truncated !== null,
    waitsFor,
    searches,
  };
}

/** The options of a parameter: its own list, or the rows of another query, read anew when a parent's value changes. */
export function useParameterOptions(
  parameter: () => Parameter,
  values: () => ParameterValues,
  typed: () => string,
) {
  const source = computed(() => parameter().options_query ?? null);
  const parents = computed<ParameterValues>(() => {
    const found: ParameterValues = {};
    for (const name of source.value?.depends_on ?? []) {
      const value = values()[name];
      if (value !== undefined) found[name] = value;
    }
    return found;
  });
  let fresh = false;
  const searches = ref(false);
  const search = ref("");
  let timer: ReturnType<typeof setTimeout> | undefined;
  watch(typed, (words) => {
    clearTimeout(timer);
    if (searches.value) timer = setTimeout(() => (search.value = words), SEARCH_MS);
  });
  onScopeDispose(() => clearTimeout(timer));
  const query = useQuery({
    queryKey: computed(
      () => ["parameter-options", source.value, parents.value, search.value] as const,
    ),
    enabled: computed(() => source.value !== null && source.value.query_id !== ""),
    queryFn: async ({ signal }) => {
      const wish = { parents: parents.value, search: search.value, fresh };
      fresh = false;
      const found = await readOptions(source.value!, wish, signal);
      searches.value = found.searches;
      return found;
    },
    placeholderData: keepPreviousData,
    staleTime: FRESH_S * 1000,
    retry: false,
  });
  return {
    options: computed<ParameterOption[]>(() =>
      source.value === null ? (parameter().options ?? []) : (query.data.value?.options ?? []),
    ),
    /** The options at hand are those of the parents' values as they are now. */
    settled: computed(
      () => source.value === null || (query.isSuccess.value && !query.isPlaceholderData.value),
    ),
    loading: computed(() => source.value !== null && query.isFetching.value),
    error: computed(() => (source.value === null ? null : query.error.value)),
    /** The options are those that fit what was typed: there may be others. */
    searches,
    waitsFor: computed(() => query.data.value?.waitsFor ?? []),
    more: computed(() => query.data.value?.more ?? false),
    reload(): void {
      fresh = true;
      void query.refetch();
    },
  };
}
