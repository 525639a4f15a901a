import type { ChartConfig } from "@quern/contract/chart-config";
import type { Cell, Column } from "@quern/contract/results";
import { computed, type Ref } from "vue";
import type { Found, Look } from "../chart/look.ts";
import { inkOf } from "../chart/palette.ts";
import { pngOf, svgOf } from "../chart/picture.ts";
import { plotOf, plotOptions } from "../chart/plot.ts";
import { plotTable } from "../chart/plot-table.ts";
import { type Scene, sceneZone } from "../chart/scene.ts";
import { statPicture, tablePicture } from "../chart/text-picture.ts";
import { isDark } from "./theme.ts";

type Source = {
  config: ChartConfig;
  columns: Column[];
  rows: Cell[][];
  label: string;
  compact?: boolean;
  zone?: string | null;
};
type Size = { width: number; height: number };

const still = matchMedia("(prefers-reduced-motion: reduce)");
const PRINTED: Size = { width: 960, height: 540 };

/** What a figure draws, and its files. `hovered`: the mouse is over this figure and not another of its group. */
export function useChartDrawing(source: Source, size: Ref<Size | null>, hovered: () => boolean) {
  let atLine: Found[] = [];
  const scene = computed(
    (): Scene => ({
      config: source.config,
      columns: source.columns,
      rows: source.rows,
      zone: sceneZone(source.config, source.zone),
    }),
  );
  const made = computed(() => (source.config.type === "table" ? null : plotOf(scene.value)));
  const plot = computed(() => made.value?.plot ?? null);
  const ink = computed(() => inkOf(isDark.value));

  const look = (room: Size, printed: boolean): Look => ({
    ink: printed ? inkOf(false) : ink.value,
    ...room,
    compact: source.compact === true && !printed,
    still: still.matches,
    printed,
    isHovered: hovered,
    seen: (found) => {
      atLine = found;
    },
  });
  const option = computed(() =>
    plot.value === null || size.value === null
      ? null
      : plotOptions(scene.value, plot.value, look(size.value, false)),
  );

  /** What goes into a file: always light, for paper and documents, and never smaller than a page's half. */
  async function picture() {
    const room = {
      width: Math.max(PRINTED.width, size.value?.width ?? 0),
      height: Math.max(PRINTED.height, size.value?.height ?? 0),
    };
    const shared = { title: source.label, ink: inkOf(false), ...room };
    if (source.config.type === "table")
      return { ...shared, ...tablePicture({ ...scene.value, ink: shared.ink, width: room.width }) };
    const drawn = plot.value;
    if (drawn === null) throw new Error("There is nothing to save: the chart is empty.");
    if (drawn.kind === "stat")
      return {
        ...shared,
        option: statPicture(source.config, drawn, shared.ink, room.width, room.height),
      };
    if (drawn.kind === "regions" || drawn.kind === "spots") {
      const { prepareMap } = await import("../chart/echarts-maps.ts");
      await prepareMap(drawn.map);
    }
    return { ...shared, option: plotOptions(scene.value, drawn, look(room, true)) ?? {} };
  }

  return {
    scene,
    plot,
    ink,
    option,
    trouble: computed(() => made.value?.trouble ?? null),
    table: computed(() => (plot.value === null ? null : plotTable(scene.value, plot.value))),
    /** The marks at the hover line when the mouse was last there. */
    atLine: () => atLine,
    png: async (): Promise<Blob> => pngOf(await picture()),
    svg: async (): Promise<Blob> => svgOf(await picture()),
  };
}
