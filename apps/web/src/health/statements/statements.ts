/** The statements of a database as its tab reads them. */
import {
  listStatements,
  readStatement,
  StatementOrder,
  type StatementTotals,
} from "@quern/contract/health/statements";
import { keepPreviousData, useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../../api.ts";
import { databaseKey } from "../databases.ts";
import type { Range } from "../range.ts";
import { useWindowedList } from "../relations/windowed-list.ts";

type Order = (typeof StatementOrder.options)[number];
export type StatementFilter = {
  order: Order;
  search: string | null;
  kind: string | null;
  user: string | null;
  table: string | null;
  /** Those alone that were not there before the range. */
  fresh: boolean;
};

const KINDS = ["select", "insert", "update", "delete", "merge", "utility", "unknown"] as const;
/** What an address says, as far as the API knows it. */
export const statementOrder = (text: string | null): Order =>
  StatementOrder.options.find((each) => each === text) ?? "time";
const kindOf = (text: string | null) => KINDS.find((each) => each === text);

export function useStatements(
  id: MaybeRefOrGetter<string>,
  range: Range,
  filter: MaybeRefOrGetter<StatementFilter>,
) {
  const asked = computed(() => {
    const { order, search, kind, user, table, fresh } = toValue(filter);
    const known = kindOf(kind);
    return {
      ...range.query.value,
      order,
      ...(search === null ? {} : { search }),
      ...(known === undefined ? {} : { kind: known }),
      ...(user === null ? {} : { user_name: user }),
      ...(table === null ? {} : { table }),
      ...(fresh ? { new_since: range.from.value } : {}),
    };
  });
  return useWindowedList<StatementTotals, Awaited<ReturnType<typeof read>>>({
    key: () => [...databaseKey(toValue(id)), "statements", asked.value],
    reset: () => toValue(filter),
    read,
    total: ({ total }) => Math.min(total.statements, LAST),
  });
  function read(window: { offset: number; limit: number }, signal: AbortSignal) {
    const query = { ...asked.value, ...window };
    return api.call(listStatements, { params: { id: toValue(id) }, query, signal });
  }
}

/** The API lists no more. */
const LAST = 20_000;

export function useStatement(
  id: MaybeRefOrGetter<string>,
  statement_id: MaybeRefOrGetter<string>,
  range: Range,
) {
  return useQuery({
    queryKey: computed(() => [
      ...databaseKey(toValue(id)),
      ...["statement", toValue(statement_id), range.query.value, range.compare.value],
    ]),
    queryFn: ({ signal }) =>
      api.call(readStatement, {
        params: { id: toValue(id), statement_id: toValue(statement_id) },
        query: { ...range.query.value, ...(range.compare.value ? { compare: "week" } : {}) },
        signal,
      }),
    placeholderData: (before, query) =>
      query?.queryKey[4] === toValue(statement_id) ? keepPreviousData(before) : undefined,
  });
}
