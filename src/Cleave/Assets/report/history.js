// The search in time: what each trial reached, and the best so far.
import { axis, base, quality, qualityAxis, qualityRange, tip, trialPoint } from './common.js';

export function history(task, colours, { width }) {
  const seen = task.trials.filter(t => t.quality !== null);
  const best = task.history.filter(([, value]) => value !== null);
  const range = qualityRange(task, seen, best.map(b => b[1]));
  const last = Math.max(1, ...task.trials.map(t => t.number), ...best.map(b => b[0]));
  const first = Math.min(...task.trials.map(t => t.number), ...best.map(b => b[0]));
  const steps = best.length > 0 && best.at(-1)[0] < last ? [...best, [last, best.at(-1)[1]]] : best;
  const points = state => seen.filter(t => t.state === state).map(t => trialPoint(t, t.number, range));
  return {
    ...base(colours),
    grid: { left: 56, right: 16, top: width < 360 ? 84 : 60, bottom: 44 },
    xAxis: axis(colours, { type: 'value', min: first, max: Math.max(last, first + 1), minInterval: 1, name: 'trial', nameLocation: 'middle', nameGap: 26, splitLine: { show: false } }),
    yAxis: qualityAxis(task, colours, range),
    tooltip: {
      ...base(colours).tooltip,
      formatter: p => {
        const { number, quality: reached, state } = p.data.trial;
        return tip(`Trial ${number}`, [[task.metric, quality(task, reached)], ['state', state]]);
      },
    },
    series: [
      { name: 'tried', type: 'scatter', data: points('complete'), symbolSize: 7, itemStyle: { color: colours.plain, opacity: 0.8 } },
      { name: 'stopped early', type: 'scatter', data: points('stopped'), symbol: 'emptyCircle', symbolSize: 6, itemStyle: { color: colours.plain, opacity: 0.6 } },
      {
        name: 'best so far', type: 'line', step: 'end', data: steps, symbol: 'none', silent: true, z: 1,
        itemStyle: { color: colours.module }, lineStyle: { color: colours.module, width: 2.5 },
      },
    ].filter(s => s.data.length > 0),
  };
}
