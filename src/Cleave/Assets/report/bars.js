// Two small charts: how honest the confidence is, and how many rows each label has.
import { axis, base, nameAbove, percent, shorten, tip } from './common.js';

export function reliability(task, colours) {
  const bins = task.reliability;
  const total = bins.reduce((sum, b) => sum + b[2], 0);
  const most = Math.max(...bins.map(b => b[2]));
  const tick = x => `${Math.round(100 * x)}%`;
  return {
    ...base(colours),
    legend: { show: false },
    grid: { left: 56, right: 16, top: 30, bottom: 44 },
    xAxis: axis(colours, { type: 'value', min: 0, max: 1, name: 'confidence', nameLocation: 'middle', nameGap: 26, axisLabel: { formatter: tick } }),
    yAxis: axis(colours, {
      type: 'value', min: 0, max: 1, name: 'how often right', axisLabel: { formatter: tick }, ...nameAbove(colours),
    }),
    tooltip: {
      ...base(colours).tooltip,
      formatter: p => tip(`Confidence ${percent(p.value[0])}`,
        [['right', percent(p.value[1])], ['items', `${p.value[2]} (${percent(p.value[2] / total)})`]]),
    },
    series: [
      { type: 'line', silent: true, data: [[0, 0], [1, 1]], symbol: 'none', lineStyle: { color: colours.plain, type: 'dashed', width: 1.2 }, tooltip: { show: false } },
      {
        type: 'line', data: bins, symbol: 'circle', symbolSize: value => 6 + 16 * Math.sqrt(value[2] / most),
        itemStyle: { color: colours.module, opacity: 0.85, borderColor: colours.card, borderWidth: 1 }, lineStyle: { color: colours.module, width: 1.5 },
      },
    ],
  };
}

export function counts(task, colours, { width }) {
  const rows = [...task.counts].sort((a, b) => b[1] - a[1]);
  const named = rows.length * 64 < width;
  return {
    ...base(colours),
    legend: { show: false },
    grid: { left: 48, right: 8, top: 12, bottom: named ? 26 : 30 },
    xAxis: axis(colours, {
      type: 'category', data: rows.map((_, i) => i), splitLine: { show: false },
      name: named ? '' : `${rows.length} labels, most to fewest`, nameLocation: 'middle', nameGap: 12,
      axisLabel: { show: named, interval: 0, formatter: i => shorten(rows[i][0], Math.max(4, Math.floor(width / rows.length / 7.5))) },
    }),
    yAxis: axis(colours, { type: 'value', splitNumber: 3, minInterval: 1 }),
    tooltip: { ...base(colours).tooltip, formatter: p => tip(rows[p.dataIndex][0], [['training rows', rows[p.dataIndex][1].toLocaleString('en')]]) },
    series: [{ type: 'bar', data: rows.map(r => r[1]), barMaxWidth: 36, barCategoryGap: rows.length > 30 ? '15%' : '30%', itemStyle: { color: colours.module, opacity: 0.8 } }],
  };
}
