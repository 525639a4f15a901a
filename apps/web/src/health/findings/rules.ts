import {
  evaluateRules,
  listRules,
  type RuleResult,
  type RuleState,
} from "@quern/contract/health/findings";
import { useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../../api.ts";
import { useAction } from "../../composables/action.ts";
import { useCan } from "../../composables/session.ts";

const LOOK_EVERY_MS = 30_000;
/** While an evaluation is awaited. */
const LOOK_SOON_MS = 1_500;

/** Every rule and how it stands for a database; null for none. `soon`: look often, something is on its way. */
export function useRules(
  database_id: MaybeRefOrGetter<string | null>,
  soon: MaybeRefOrGetter<boolean> = false,
) {
  const can = useCan();
  return useQuery({
    queryKey: computed(() => ["health", "rules", toValue(database_id)] as const),
    queryFn: async ({ signal }) =>
      (await api.call(listRules, { params: { id: toValue(database_id) ?? "" }, signal })).items,
    enabled: () => can("health.read") && toValue(database_id) !== null,
    refetchInterval: () => (toValue(soon) ? LOOK_SOON_MS : LOOK_EVERY_MS),
  });
}

/** Makes all rules of a database due. Resolves to when each was evaluated before, when the server took it. */
export function useEvaluation() {
  const queries = useQueryClient();
  return useAction(async (id: string): Promise<ReadonlyMap<string, string | null>> => {
    // What the page knows is some time old: all of it may have been evaluated since, and before this.
    const { items } = await api.call(listRules, { params: { id } });
    await api.call(evaluateRules, { params: { id }, body: {} });
    void queries.invalidateQueries({ queryKey: ["health", "rules", id] });
    return new Map(items.map(({ rule, evaluated_at }) => [rule, evaluated_at]));
  });
}

/** Those that could be judged, of those that apply. */
export function coverageOf(rules: readonly Pick<RuleResult, "state">[]): {
  judged: number;
  apply: number;
} {
  const apply = rules.filter(({ state }) => state !== "not_applicable");
  const judged = apply.filter(({ state }) => state === "finding" || state === "ok");
  return { judged: judged.length, apply: apply.length };
}

/** When the rule that was judged longest ago and the one judged last were; null when none was. */
export function evaluatedSpan(
  rules: readonly Pick<RuleResult, "evaluated_at">[],
): { first: string; last: string } | null {
  const times = rules.flatMap(({ evaluated_at }) => evaluated_at ?? []).sort();
  const [first, last] = [times[0], times.at(-1)];
  return first === undefined || last === undefined ? null : { first, last };
}

/** Whether all rules were evaluated since `before` was read: what "Evaluate now" waits for. */
export function evaluatedSince(
  before: ReadonlyMap<string, string | null>,
  rules: readonly Pick<RuleResult, "rule" | "evaluated_at">[],
): boolean {
  return rules.every(
    ({ rule, evaluated_at }) => evaluated_at !== null && evaluated_at !== before.get(rule),
  );
}

export const RULE_STATE_ORDER = [
  "finding",
  "no_permission",
  "not_enough_data",
  "ok",
  "not_applicable",
] as const satisfies readonly RuleState[];

/** Rules that are in one of the `states` (all when there are none) and have every word of `search` in what they say. */
export function filterRules<R extends Pick<RuleResult, "rule" | "state">>(
  rules: readonly R[],
  { states, search }: { states: readonly string[]; search: string },
  textOf: (rule: R) => string,
): R[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return rules.filter((rule) => {
    if (states.length > 0 && !states.includes(rule.state)) return false;
    const text = `${rule.rule} ${textOf(rule)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
