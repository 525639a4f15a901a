/** Drawing as SVG: fetched when somebody saves a chart so. */
import { use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([SVGRenderer]);
