// The charting library, reduced to what the report and the dashboard draw: the global "echarts".
import { use } from 'echarts/core';
import { BarChart, HeatmapChart, LineChart, ParallelChart, ScatterChart } from 'echarts/charts';
import {
  GridComponent, LegendComponent, MarkLineComponent, ParallelComponent, TooltipComponent,
} from 'echarts/components';
import { SVGRenderer } from 'echarts/renderers';

use([
  BarChart, HeatmapChart, LineChart, ParallelChart, ScatterChart,
  GridComponent, LegendComponent, MarkLineComponent, ParallelComponent, TooltipComponent,
  SVGRenderer,
]);

export { getInstanceByDom, init } from 'echarts/core';
