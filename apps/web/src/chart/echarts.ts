/** The drawing library with what our charts need of it: a chunk of its own. */
import {
  BarChart,
  BoxplotChart,
  FunnelChart,
  HeatmapChart,
  LineChart,
  PieChart,
  ScatterChart,
} from "echarts/charts";
import {
  GraphicComponent,
  GridComponent,
  LegendScrollComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapContinuousComponent,
} from "echarts/components";
import { connect, init, registerPostInit, use } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";
import VChart from "vue-echarts";

use([
  BarChart,
  BoxplotChart,
  FunnelChart,
  HeatmapChart,
  LineChart,
  PieChart,
  ScatterChart,
  GraphicComponent,
  GridComponent,
  LegendScrollComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapContinuousComponent,
  LabelLayout,
  CanvasRenderer,
]);

// zrender 6.1 paints many marks in slices, a frame each, and goes on after the chart is gone, which throws. Painting an empty
// chart ends the painting before.
registerPostInit((chart) => {
  const dispose = chart.dispose.bind(chart);
  chart.dispose = () => {
    if (!chart.isDisposed()) {
      chart.clear();
      chart.getZr().flush();
    }
    dispose();
  };
});

export { connect, init, VChart };
