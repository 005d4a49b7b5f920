// Learning curves: loss above, validation quality below, one colour a model, on one axis of training.
import { axis, base, nameAbove, quality, qualityTick, significant, tip } from './common.js';

export function curves(task, colours, { height }) {
  const units = new Set(task.curves.map(c => c.unit));
  const relative = units.size > 1;
  const panels = [
    { name: 'training loss', index: 1, write: significant, tick: () => significant },
    { name: `validation ${task.metric}`, index: 2, write: x => quality(task, x), tick: (low, high) => qualityTick(task, low, high) },
  ].filter(panel => task.curves.some(c => c.points.some(p => p[panel.index] !== null)));
  // From the top: the legend, then each panel below its name, then the shared axis.
  const [legend, title, foot] = [24, 34, 48];
  const each = (height - legend - foot) / panels.length - title;
  const series = panels.flatMap((panel, i) => task.curves.map((curve, c) => line(panel, i, curve, c)))
    .filter(s => s.data.length > 0);

  function line(panel, i, curve, c) {
    const end = curve.points.at(-1)[0] || 1;
    const data = curve.points.filter(p => p[panel.index] !== null)
      .map(p => [relative ? (100 * p[0]) / end : p[0], p[panel.index]]);
    const style = ['solid', 'dashed', 'dotted'][task.curves.slice(0, c).filter(o => o.role === curve.role).length % 3];
    return {
      name: curve.name, type: 'line', xAxisIndex: i, yAxisIndex: i, data, showSymbol: data.length < 25, symbol: 'circle', symbolSize: 5,
      itemStyle: { color: colours[curve.role] }, lineStyle: { color: colours[curve.role], width: 2, type: style },
    };
  }

  const shown = series.flatMap(s => s.data.map(d => d[0]));
  const first = Math.min(...shown), last = Math.max(...shown);
  const unit = relative ? 'share of training, %' : task.curves[0].unit;
  return {
    ...base(colours),
    grid: panels.map((_, i) => ({ left: 56, right: 16, top: legend + title + i * (each + title), height: each })),
    xAxis: panels.map((_, i) => axis(colours, {
      type: 'value', gridIndex: i, min: relative ? 0 : first, max: Math.max(last, first + 1e-9), splitLine: { show: false },
      name: i === panels.length - 1 ? unit : '', nameLocation: 'middle', nameGap: 26,
      axisLabel: { show: i === panels.length - 1 },
    })),
    yAxis: panels.map((panel, i) => {
      const values = task.curves.flatMap(c => c.points.map(p => p[panel.index])).filter(v => v !== null);
      return axis(colours, {
        type: 'value', gridIndex: i, scale: true, name: panel.name, splitNumber: 3,
        ...nameAbove(colours), axisLabel: { formatter: panel.tick(Math.min(...values), Math.max(...values)) },
      });
    }),
    tooltip: {
      ...base(colours).tooltip, trigger: 'axis', axisPointer: { lineStyle: { color: colours.plain } },
      formatter: items => tip(`${relative ? 'training, %' : unit}: ${significant(items[0].value[0])}`,
        items.map(p => [p.seriesName, panels[p.axisIndex ?? 0].write(p.value[1])])),
    },
    series,
  };
}
