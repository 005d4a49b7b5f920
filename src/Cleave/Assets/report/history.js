// The search in time: what each trial reached, and the best so far.
import { axis, base, font, quality, qualityTick, tip } from './common.js';

export function history(task, colours) {
  const seen = task.trials.filter(t => t.quality !== null);
  const best = task.history.filter(([, value]) => value !== null);
  const finished = seen.filter(t => t.state === 'complete').map(t => t.quality);
  const values = [...(finished.length > 0 ? finished : seen.map(t => t.quality)), ...best.map(b => b[1])].sort((a, b) => a - b);
  const { low, high } = range(task, values);
  const last = Math.max(1, ...task.trials.map(t => t.number), ...best.map(b => b[0]));
  const first = Math.min(...task.trials.map(t => t.number), ...best.map(b => b[0]));
  const steps = best.length > 0 && best.at(-1)[0] < last ? [...best, [last, best.at(-1)[1]]] : best;
  const points = state => seen.filter(t => t.state === state)
    .map(t => ({ value: [t.number, Math.min(Math.max(t.quality, low), high)], trial: t }));
  return {
    ...base(colours),
    grid: { left: 56, right: 16, top: 60, bottom: 44 },
    xAxis: axis(colours, { type: 'value', min: first, max: last, minInterval: 1, name: 'trial', nameLocation: 'middle', nameGap: 26, splitLine: { show: false } }),
    yAxis: axis(colours, {
      type: 'value', min: low, max: high, name: `validation ${task.metric}`,
      nameTextStyle: { align: 'left', padding: [0, 0, 0, -48], color: colours.soft, fontSize: font },
      axisLabel: { formatter: qualityTick(task, low, high), showMinLabel: false, showMaxLabel: false },
    }),
    tooltip: {
      ...base(colours).tooltip,
      formatter: p => (p.data.trial
        ? tip(`Trial ${p.data.trial.number}`, [[task.metric, quality(task, p.data.trial.quality)], ['state', p.data.trial.state]])
        : tip(`After trial ${p.value[0]}`, [['best so far', quality(task, p.value[1])]])),
    },
    series: [
      { name: 'tried', type: 'scatter', data: points('complete'), symbolSize: 7, itemStyle: { color: colours.plain, opacity: 0.8 } },
      { name: 'stopped early', type: 'scatter', data: points('stopped'), symbol: 'emptyCircle', symbolSize: 6, itemStyle: { color: colours.plain, opacity: 0.6 } },
      {
        name: 'best so far', type: 'line', step: 'end', data: steps, showSymbol: steps.length === 1, symbolSize: 7, z: 3,
        itemStyle: { color: colours.module }, lineStyle: { color: colours.module, width: 2.5 },
      },
    ].filter(s => s.data.length > 0),
  };
}

function range(task, sorted) {
  let low = sorted[0], high = sorted.at(-1);
  if (sorted.length >= 8) {
    const at = share => sorted[Math.round(share * (sorted.length - 1))];
    const reach = 2.5 * (at(0.75) - at(0.25));
    if (task.higher)
      low = Math.max(low, at(0.25) - reach);
    else
      high = Math.min(high, at(0.75) + reach);
  }
  const room = high > low ? (high - low) * 0.08 : Math.abs(high) * 0.05 || 0.01;
  return { low: low - room, high: high + room };
}
