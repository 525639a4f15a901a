import type { ChartType } from "@quern/contract/chart-config";
import { t } from "../i18n/language.ts";

/** The types of chart in the order in which they are offered. */
export const CHART_TYPES: { id: ChartType; label: string; icon: string }[] = [
  { id: "line", label: t("Line"), icon: "i-lucide-chart-line" },
  { id: "area", label: t("Area"), icon: "i-lucide-chart-area" },
  { id: "bar", label: t("Bar"), icon: "i-lucide-chart-column" },
  { id: "stat", label: t("Number"), icon: "i-lucide-hash" },
  { id: "table", label: t("Table", { as: "grid" }), icon: "i-lucide-table-2" },
  { id: "pie", label: t("Pie"), icon: "i-lucide-chart-pie" },
  { id: "scatter", label: t("Scatter"), icon: "i-lucide-chart-scatter" },
  { id: "heatmap", label: t("Heatmap"), icon: "i-lucide-grid-3x3" },
  { id: "histogram", label: t("Histogram"), icon: "i-lucide-chart-column-big" },
  { id: "box", label: t("Box plot"), icon: "i-lucide-chart-candlestick" },
  { id: "funnel", label: t("Funnel"), icon: "i-lucide-funnel" },
  { id: "region_map", label: t("Regions"), icon: "i-lucide-map" },
  { id: "point_map", label: t("Points"), icon: "i-lucide-map-pin" },
];

export const chartIcon = (type: ChartType): string =>
  CHART_TYPES.find((each) => each.id === type)?.icon ?? "i-lucide-chart-column";
export const chartTypeName = (type: ChartType): string =>
  CHART_TYPES.find((each) => each.id === type)?.label ?? type;
