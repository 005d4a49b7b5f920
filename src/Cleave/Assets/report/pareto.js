// Quality against cost of every trial: the front is joined, the chosen recipe marked, stopped trials faded.
import { axis, base, bytes, font, logTicks, quality, qualityAxis, qualityRange, time, tip, trialPoint } from './common.js';

export function pareto(task, colours, { cost = 'time', width }) {
  const field = cost === 'bytes' ? 'bytes' : 'cost';
  const write = cost === 'bytes' ? bytes : time;
  const seen = task.trials.filter(t => t.quality !== null && t[field] > 0);
  const reference = referenceOf(task, cost);
  const x = costAxis([...seen.map(t => t[field]), ...(reference ? [reference.cost] : [])], write);
  const y = qualityRange(task, seen, reference ? [reference.quality, reference.limit] : []);
  const point = trial => trialPoint(trial, x.place(trial[field]), y);
  const front = seen.filter(t => t.front).sort((a, b) => a[field] - b[field] || a.quality - b.quality);
  const chosen = seen.filter(t => t.chosen);
  const stopped = seen.filter(t => t.state === 'stopped');
  const rest = seen.filter(t => t.state === 'complete' && !t.front && !t.chosen);
  return {
    ...base(colours),
    grid: { left: 56, right: 24, top: width < 480 ? 84 : 64, bottom: 48 },
    xAxis: axis(colours, {
      type: 'value', min: x.low, max: x.high, name: cost === 'bytes' ? 'weights' : 'computed cost of one item',
      nameLocation: 'middle', nameGap: 30, ...x.ticks,
    }),
    yAxis: qualityAxis(task, colours, y),
    tooltip: { ...base(colours).tooltip, formatter: p => (p.data.trial ? describe(task, p.data.trial) : about(task, reference, write)) },
    series: [
      {
        name: 'tried', type: 'scatter', data: rest.map(point), symbolSize: 9, z: 2,
        itemStyle: { color: 'transparent', borderColor: colours.plain, borderWidth: 1.5 },
      },
      {
        name: 'stopped early', type: 'scatter', data: stopped.map(point), symbol: CROSS, symbolSize: 8, z: 1,
        itemStyle: { color: colours.plain, opacity: 0.45 },
      },
      {
        name: 'front', type: 'line', step: 'end', data: front.map(point), symbol: 'circle', symbolSize: 9, z: 3,
        itemStyle: { color: colours.module }, lineStyle: { color: colours.module, width: 1.5, opacity: 0.7 },
      },
      {
        name: 'chosen', type: 'scatter', data: chosen.map(point), symbol: 'diamond', symbolSize: 20, z: 5,
        itemStyle: { color: colours.module, borderColor: colours.ink, borderWidth: 2 },
        label: { show: width > 420, formatter: 'chosen', position: 'bottom', distance: 8, color: colours.ink, fontSize: 13, fontWeight: 600, textBorderColor: colours.card, textBorderWidth: 4 },
      },
      {
        name: 'monolith', type: 'scatter', symbol: 'rect', symbolSize: 13, z: 4,
        data: reference ? [{ value: [x.place(reference.cost), reference.quality] }] : [],
        itemStyle: { color: colours.monolith, borderColor: colours.card, borderWidth: 1.5 },
        markLine: reference && {
          symbol: 'none', silent: true, animation: false,
          lineStyle: { color: colours.monolith, type: 'dashed', width: 1.2 },
          label: { position: 'insideStartTop', color: colours.soft, fontSize: font, formatter: `monolith ${task.higher ? 'less' : 'plus'} the margin` },
          data: [{ yAxis: reference.limit }],
        },
      },
    ].filter(s => s.data.length > 0),
  };
}

const CROSS = 'path://M0 2 2 0 6 4 10 0 12 2 8 6 12 10 10 12 6 8 2 12 0 10 4 6z';

function referenceOf(task, cost) {
  const at = cost === 'bytes' ? task.monolithBytes : task.monolithCost;
  if (task.monolithQuality === null || !(at > 0))
    return null;
  return { quality: task.monolithQuality, cost: at, limit: task.monolithQuality + (task.higher ? -task.margin : task.margin) };
}

/** Logarithmic where costs span more than a factor of four. */
function costAxis(known, write) {
  const costs = known.length > 0 ? known : [1];
  const low = Math.min(...costs), high = Math.max(...costs);
  if (high > low * 4) {
    const room = Math.log10(high / low) * 0.06;
    const from = Math.log10(low) - room, to = Math.log10(high) + room;
    const customValues = logTicks(from, to);
    return {
      place: Math.log10, low: from, high: to,
      ticks: { axisLabel: { customValues, formatter: at => write(10 ** at) }, axisTick: { show: true, customValues }, splitLine: { show: false } },
    };
  }
  const room = high > low ? (high - low) * 0.08 : high * 0.2;
  return {
    place: c => c, low: low - room, high: high + room,
    ticks: { axisLabel: { formatter: write, showMinLabel: false, showMaxLabel: false }, splitLine: { show: false } },
  };
}

function describe(task, trial) {
  const state = trial.chosen ? 'chosen' : trial.front ? 'on the front' : trial.state === 'stopped' ? 'stopped early' : trial.state;
  const rows = [[task.metric, quality(task, trial.quality)]];
  if (trial.cost !== null)
    rows.push(['cost of one item', time(trial.cost)]);
  if (trial.bytes !== null)
    rows.push(['weights', bytes(trial.bytes)]);
  return tip(`Trial ${trial.number}, ${state}`, [...rows, ...trial.recipe]);
}

const about = (task, reference, write) =>
  tip('Monolith', [[task.metric, quality(task, reference.quality)], ['cost', write(reference.cost)]]);
