/** What runs of Quern cost the monitored databases that their datasource is. */
import { type RunCost, readRunCosts } from "@quern/contract/health/statements";
import { useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../../api.ts";
import { useCan } from "../../composables/session.ts";
import { t } from "../../i18n/language.ts";
import { formatValue } from "../values.ts";

const LOOK_EVERY_MS = 300_000;
const LEAST = 0.001;

type Of = { query_id: string } | { datasource_id: string };

/** Of the last 24 hours, by database. */
export function useRunCosts(of: MaybeRefOrGetter<Of>) {
  const can = useCan();
  return useQuery({
    queryKey: computed(() => ["health", "run-costs", toValue(of)]),
    queryFn: async ({ signal }) =>
      (await api.call(readRunCosts, { query: toValue(of), signal })).items,
    enabled: () => can("health.read"),
    staleTime: LOOK_EVERY_MS,
    refetchInterval: LOOK_EVERY_MS,
  });
}

/** `12 %`, `< 0.1 %`. */
export function costShare(share: number): string {
  return share > 0 && share < LEAST
    ? t("< {share}", { share: formatValue(LEAST, "ratio") })
    : formatValue(share, "ratio");
}

/** The one that takes the largest share; null when none was called. */
export const costliest = (costs: readonly RunCost[]): RunCost | null =>
  [...costs].filter(({ calls }) => calls > 0).sort((a, b) => (b.share ?? 0) - (a.share ?? 0))[0] ??
  null;
