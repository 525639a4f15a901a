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

/** `12 %`, `< 0.1 %`; a dash where it is not known. */
export function costShare(share: number | null): string {
  return share !== null && share > 0 && share < LEAST
    ? t("< {share}", { share: formatValue(LEAST, "ratio") })
    : formatValue(share, "ratio");
}

/** What they cost of the load of the last 24 hours, in a sentence. */
export const loadWords = ({ share, calls }: RunCost): string =>
  share === null
    ? t(
        "Runs of Quern made {n} call in the last 24 hours; of what load is not known. | Runs of Quern made {n} calls in the last 24 hours; of what load is not known.",
        { n: calls },
      )
    : t("Runs of Quern cost {share} of its load in the last 24 hours.", {
        share: costShare(share),
      });

/** The one that takes the largest share; null when none was called. */
export const costliest = (costs: readonly RunCost[]): RunCost | null =>
  [...costs]
    .filter(({ calls }) => calls > 0)
    .sort((a, b) => (b.share ?? -1) - (a.share ?? -1))[0] ?? null;
