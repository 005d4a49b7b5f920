// A confusion matrix that stays readable with many labels: shares of each row, empty cells left out, right
// answers and mistakes in two colours, names on the axes only while they fit.
import { axis, base, percent, shorten, tip } from './common.js';

export function confusion(task, colours, { side = 'module', width, height }) {
  const { labels, cells } = task[side] ?? task.module;
  const n = labels.length;
  const totals = new Array(n).fill(0);
  for (const [row, , count] of cells)
    totals[row] += count;
  const worst = Math.max(0.02, ...cells.filter(c => c[0] !== c[1]).map(c => c[2] / totals[c[0]]));
  const longest = Math.max(...labels.map(l => l.length));
  const names = n <= 30 && width > 520;
  const left = names ? Math.min(180, 24 + 6.6 * longest) : 36;
  const numbers = n <= 12 && width > 420;
  const across = names && n * longest * 7 < width - left;
  const bottom = names ? (across ? 52 : Math.min(130, 44 + 4.8 * longest)) : 36;
  const heat = (name, right, colour) => ({
    name, type: 'heatmap', progressive: 0,
    data: cells.filter(c => (c[0] === c[1]) === right).map(([row, column, count]) => ({
      value: [column, row, count],
      itemStyle: { color: colour, opacity: shade(count / totals[row], right ? 1 : worst), borderColor: colours.card, borderWidth: n > 40 ? 0.5 : 1 },
      label: { color: colours.ink },
    })),
    label: { show: numbers, fontSize: 13, formatter: p => String(p.value[2]) },
    emphasis: { itemStyle: { borderColor: colours.ink, borderWidth: 1.5, opacity: 1 } },
  });
  return {
    ...base(colours),
    legend: { show: false },
    grid: { left, right: 8, top: 8, bottom },
    xAxis: axis(colours, {
      type: 'category', data: labels.map((_, i) => i), name: 'predicted', nameLocation: 'middle', nameGap: bottom - 22,
      axisLabel: { show: names, interval: 0, rotate: across ? 0 : 40, formatter: i => shorten(labels[i], 22) }, splitLine: { show: n <= 40 },
    }),
    yAxis: axis(colours, {
      type: 'category', data: labels.map((_, i) => i), inverse: true, name: names ? '' : 'expected', nameLocation: 'middle', nameGap: 12,
      axisLabel: { show: names, interval: 0, formatter: i => shorten(labels[i], 26) }, splitLine: { show: n <= 40 },
    }),
    tooltip: {
      ...base(colours).tooltip,
      formatter: p => {
        const [column, row, count] = p.value;
        return tip(row === column ? labels[row] : `${labels[row]}, taken for ${labels[column]}`,
          [['items', `${count} of ${totals[row]}`], ['share', percent(count / totals[row])]]);
      },
    },
    series: [heat('right', true, colours.module), heat('wrong', false, colours.monolith)],
  };
}

/** Ink for a share: visible from the first item on, full at the top. */
const shade = (share, top) => 0.18 + 0.72 * Math.sqrt(Math.min(1, share / top));
