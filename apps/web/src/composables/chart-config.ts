import type { ChartConfig, ChartType } from "@quern/contract/chart-config";
import type { Cell, Column } from "@quern/contract/results";
import type { Visualization } from "@quern/contract/visualizations";
import { computed, type Ref, ref, shallowRef } from "vue";
import { fromAddress, NO_CHART, toAddress } from "../chart/address.ts";
import { chooseChart } from "../chart/choice.ts";
import { withType } from "../chart/fitting.ts";
import { useAddress } from "./query-address.ts";

export { NO_CHART } from "../chart/address.ts";

const TABLE: ChartConfig = {
  type: "table",
  x: null,
  y: [],
  series: null,
  stacked: false,
  horizontal: false,
};
const MOST_STEPS = 100;
/** Changes within this time are one step back: typing a title is not ten. */
const ONE_STEP_MS = 600;

/** The chart on the page: as the address says, else as it was saved, else what suits the result. */
export function useChartConfig(
  columns: Column[],
  rows: Ref<Cell[][] | null>,
  saved: () => Visualization | null,
) {
  const address = useAddress();
  /** What was set last: the address follows a moment later. */
  const latest = shallowRef<ChartConfig | null>(null);
  const inAddress = computed(() =>
    fromAddress({ text: (key) => address.text(key).value, list: address.list }),
  );
  const written = computed(() =>
    inAddress.value === null ? null : (latest.value ?? inAddress.value),
  );
  const start = computed(
    () => saved()?.config ?? (rows.value ? (chooseChart(columns, rows.value) ?? TABLE) : null),
  );
  const config = computed(() => latest.value ?? inAddress.value ?? start.value);
  const changed = computed(() => {
    const stored = saved();
    return stored !== null && config.value !== null && text(config.value) !== text(stored.config);
  });

  const past = ref<ChartConfig[]>([]);
  const future = ref<ChartConfig[]>([]);
  const byType = new Map<ChartType, ChartConfig>();
  let steppedAt = 0;

  function show(next: ChartConfig): void {
    latest.value = next;
    address.set(toAddress(next));
  }
  function set(next: ChartConfig): void {
    const before = config.value;
    const now = performance.now();
    if (before !== null && (now - steppedAt > ONE_STEP_MS || before.type !== next.type))
      past.value = [...past.value, before].slice(-MOST_STEPS);
    steppedAt = now;
    future.value = [];
    show(next);
  }
  function step(from: Ref<ChartConfig[]>, to: Ref<ChartConfig[]>): void {
    const target = from.value.at(-1);
    if (target === undefined || config.value === null) return;
    to.value = [...to.value, config.value];
    from.value = from.value.slice(0, -1);
    steppedAt = 0;
    show(target);
  }

  return {
    config,
    /** Something of the chart is only in the address. */
    edited: computed(() => written.value !== null),
    /** The saved chart has changes that are only in the address. */
    changed,
    change(changes: Partial<ChartConfig>): void {
      set({ ...(config.value ?? TABLE), ...changes });
    },
    setType(type: ChartType): void {
      const before = config.value ?? TABLE;
      byType.set(before.type, before);
      set(withType(before, type, { columns, rows: rows.value ?? [], before: byType.get(type) }));
    },
    undo: () => step(past, future),
    redo: () => step(future, past),
    canUndo: computed(() => past.value.length > 0),
    canRedo: computed(() => future.value.length > 0),
    forget(): void {
      latest.value = null;
      past.value = [];
      future.value = [];
      address.set(NO_CHART);
    },
    address,
  };
}

/** Two configurations are alike when their texts are, whatever the order in which their settings were made. */
function text(config: ChartConfig): string {
  return JSON.stringify(config, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([, each]) => each !== undefined)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : value,
  );
}
