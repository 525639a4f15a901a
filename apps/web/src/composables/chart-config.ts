import type { Cell, Column } from "@quern/contract/results";
import { ChartConfig, type Visualization } from "@quern/contract/visualizations";
import { computed, type Ref } from "vue";
import { chooseChart } from "../chart/choice.ts";
import { useAddress } from "./query-address.ts";

/** The parts of the address that hold a chart's settings: taken out when another view is shown. */
export const NO_CHART = {
  type: null,
  x: null,
  y: null,
  series: null,
  stacked: null,
  horizontal: null,
};

/** The chart on the page: as the address says, else as it was saved, else what suits the result. */
export function useChartConfig(
  columns: Column[],
  rows: Ref<Cell[][] | null>,
  saved: () => Visualization | null,
) {
  const address = useAddress();
  const fromAddress = computed<ChartConfig | null>(() => {
    const x = address.text("x").value ?? (address.list("x").length > 0 ? "" : null);
    if (x === null) return null;
    const parsed = ChartConfig.safeParse({
      type: address.text("type").value,
      x,
      y: address.list("y"),
      series: address.text("series").value,
      stacked: address.text("stacked").value === "1",
      horizontal: address.text("horizontal").value === "1",
    });
    return parsed.success ? parsed.data : null;
  });
  const config = computed(
    () =>
      fromAddress.value ??
      saved()?.config ??
      (rows.value ? chooseChart(columns, rows.value) : null),
  );
  const changed = computed(() => {
    const stored = saved();
    return (
      stored !== null &&
      fromAddress.value !== null &&
      text(fromAddress.value) !== text(stored.config)
    );
  });

  return {
    config,
    /** The saved chart has changes that are only in the address. */
    changed,
    change(changes: Partial<ChartConfig>): void {
      const base = config.value ?? {
        type: "bar",
        x: columns[0]?.name ?? "",
        y: [],
        series: null,
        stacked: false,
        horizontal: false,
      };
      const next = { ...base, ...changes };
      address.set({
        type: next.type,
        x: next.x,
        y: next.y,
        series: next.series,
        stacked: next.stacked ? "1" : null,
        horizontal: next.horizontal ? "1" : null,
      });
    },
    forget: () => address.set(NO_CHART),
    address,
  };
}

function text(config: ChartConfig): string {
  const { type, x, y, series, stacked, horizontal } = config;
  return JSON.stringify([type, x, y, series, stacked, horizontal]);
}
