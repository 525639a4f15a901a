import type { Query } from "@quern/contract/queries";
import { computed, type Ref, ref, watch } from "vue";
import { hasCode } from "../words/problems.ts";
import { useDatasources } from "./datasources.ts";
import type { Draft } from "./drafts.ts";
import { useSwaps } from "./elsewhere.ts";
import { useElsewhereComparison } from "./elsewhere-comparison.ts";
import { usePaletteEvents } from "./palette-events.ts";
import { useAddress } from "./query-address.ts";
import type { useQueryRun } from "./query-run.ts";
import { useCan } from "./session.ts";

export type WorkbenchElsewhere = ReturnType<typeof useWorkbenchElsewhere>;

/** A saved query on another datasource than its own, without a change to it. */
export function useWorkbenchElsewhere(config: {
  draft: Ref<Draft>;
  saved: () => Query | null;
  runId: Ref<string | null>;
  current: ReturnType<typeof useQueryRun>;
}) {
  const { draft, saved, runId } = config;
  const can = useCan();
  const address = useAddress();
  const { swaps, set } = useSwaps();
  const { datasources } = useDatasources();
  const asked = ref(false);
  const comparison = useElsewhereComparison();

  const ownId = computed(() => draft.value.datasource_id);
  const offered = computed(
    () => saved() !== null && ownId.value !== null && can("runs.create_sql"),
  );
  const other = computed(() => {
    if (saved() === null || ownId.value === null) return null;
    return swaps.value[ownId.value] ?? null;
  });
  const own = computed(() => {
    const id = ownId.value ?? "";
    const known = saved()?.datasource;
    const name = datasources.value.find((each) => each.id === id)?.name;
    return { id, name: name ?? (known?.id === id ? known.name : ""), tiles: 1 };
  });
  /** What was shown of the own datasource before it went elsewhere. */
  let before: string | null = null;
  const elsewhere = computed(() => {
    const run = config.current.run.value;
    return other.value !== null && run?.datasource?.id === other.value ? run : null;
  });
  const ask = () => {
    asked.value = offered.value;
  };
  usePaletteEvents({ "quern:elsewhere": ask });

  return {
    offered,
    /** The datasource that takes the place of the own one; null: none does. */
    other,
    /** Where it runs. */
    place: computed(() => other.value ?? ownId.value),
    owns: computed(() => [own.value]),
    swaps,
    asked,
    ask,
    told: () => ({
      name: elsewhere.value?.datasource?.name ?? null,
      ended: hasCode(config.current.start.error.value, "instance_ended"),
    }),
    /** Puts `to` in the place of the own datasource, and calls `run` once that holds. */
    choose(to: string, run: () => void): void {
      asked.value = false;
      if (other.value === null) before = runId.value;
      if (other.value === to) run();
      else {
        watch(other, run, { once: true });
        set(own.value.id, to);
      }
    },
    back(): void {
      set(own.value.id, null);
      address.set({ run: before, statement: null });
      before = null;
    },
    comparison,
    comparable: computed(() => elsewhere.value?.status === "succeeded"),
    compare(): void {
      const query = saved();
      if (elsewhere.value && query) void comparison.run(elsewhere.value.id, query.id);
    },
  };
}
