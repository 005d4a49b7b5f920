// The charts of a study's page.
import { drawPage } from '../report/draw.js';
import { axis, base, nameAbove, percent, shorten, significant, tip } from '../report/common.js';

const study = JSON.parse(document.getElementById('data').textContent);
const complete = study.trials.filter(t => t.values.length > 0);
const feasible = complete.filter(t => t.state === 'complete');
const several = study.maximize.length > 1;
const label = o => (several ? `value ${o + 1}` : 'value');
const show = value => (typeof value === 'number' ? significant(value) : value ?? '–');

/** The place of a value between 0 and 1 among the trials, best first. */
function ranks(o) {
  const sorted = [...complete].sort((a, b) => (study.maximize[o] ? b.values[o] - a.values[o] : a.values[o] - b.values[o]));
  return new Map(sorted.map((t, i) => [t.n, sorted.length > 1 ? i / (sorted.length - 1) : 0]));
}

/** An axis of values that a few hopeless trials do not flatten: they lie on its edge. */
function valueRange(o) {
  const sorted = complete.map(t => t.values[o]).sort((a, b) => a - b);
  if (sorted.length === 0)
    return { low: 0, high: 1, put: v => v };
  const at = share => sorted[Math.round(share * (sorted.length - 1))];
  const reach = 2 * (at(0.75) - at(0.25));
  const low = study.maximize[o] ? Math.max(sorted[0], at(0.25) - reach) : sorted[0];
  const high = study.maximize[o] ? sorted.at(-1) : Math.min(sorted.at(-1), at(0.75) + reach);
  const room = high > low ? (high - low) * 0.06 : Math.abs(high) * 0.05 || 0.01;
  return { low: low - room, high: high + room, put: v => Math.min(Math.max(v, low - room), high + room) };
}

const valueAxis = (colours, o, range) => axis(colours, {
  type: 'value', min: range.low, max: range.high, name: label(o), ...nameAbove(colours),
  axisLabel: { formatter: significant, showMinLabel: false, showMaxLabel: false },
});

function parameterAxis(colours, p, width, more = {}) {
  const { name, choices, low, high, log } = study.params[p];
  const common = { name: shorten(name, 40), nameLocation: 'middle', nameGap: 26, splitLine: { show: false } };
  return axis(colours, choices
    ? { type: 'category', data: choices, ...common, axisLabel: { interval: 0, formatter: c => shorten(c, Math.max(4, Math.floor(width / choices.length / 8))) }, ...more }
    : { type: log ? 'log' : 'value', min: low, max: high > low ? high : low + 1, ...common, axisLabel: { formatter: significant }, ...more });
}

const details = t => tip(`Trial ${t.n}`, [
  ...t.values.map((v, o) => [label(o), show(v)]), ...(t.state === 'complete' ? [] : [['state', t.state]]),
  ...study.params.map((p, i) => [p.name, t.params[i]]).filter(row => row[1] !== null).map(([name, v]) => [name, show(v)]),
]);

const hover = colours => ({ ...base(colours).tooltip, formatter: p => (p.data.trial ? details(p.data.trial) : '') });
const point = (trial, x, y) => ({ value: [x, y], trial });

function history(o, colours) {
  const range = valueRange(o);
  let best = null;
  const steps = [];
  for (const t of feasible) {
    if (best === null || (study.maximize[o] ? t.values[o] > best : t.values[o] < best)) {
      best = t.values[o];
      steps.push([t.n, range.put(best)]);
    }
  }
  const last = study.trials.at(-1)?.n ?? 1;
  if (best !== null)
    steps.push([last, range.put(best)]);
  const dots = of => complete.filter(t => t.state === of).map(t => point(t, t.n, range.put(t.values[o])));
  return {
    ...base(colours), tooltip: hover(colours), grid: { left: 60, right: 16, top: 60, bottom: 44 },
    xAxis: axis(colours, { type: 'value', max: Math.max(1, last), minInterval: 1, name: 'trial', nameLocation: 'middle', nameGap: 26, splitLine: { show: false } }),
    yAxis: valueAxis(colours, o, range),
    series: [
      { name: 'tried', type: 'scatter', data: dots('complete'), symbolSize: 6, itemStyle: { color: colours.plain, opacity: 0.75 } },
      { name: 'infeasible', type: 'scatter', data: dots('infeasible'), symbol: 'emptyCircle', symbolSize: 6, itemStyle: { color: colours.fail, opacity: 0.75 } },
      { name: 'best so far', type: 'line', step: 'end', data: steps, symbol: 'none', silent: true, itemStyle: { color: colours.module }, lineStyle: { color: colours.module, width: 2.5 } },
    ].filter(s => s.data.length > 0),
  };
}

function importance(o, colours, { width }) {
  const rows = (study.importance[o] ?? []).map((share, i) => [study.params[i].name, share]).sort((a, b) => a[1] - b[1]).slice(-15);
  const left = Math.min(width * 0.4, 24 + 7 * Math.max(0, ...rows.map(r => r[0].length)));
  return {
    ...base(colours), legend: { show: false }, grid: { left, right: 56, top: 8, bottom: 28 },
    tooltip: { ...base(colours).tooltip, formatter: p => tip(rows[p.dataIndex][0], [['explains', percent(rows[p.dataIndex][1])]]) },
    xAxis: axis(colours, { type: 'value', min: 0, axisLabel: { formatter: v => `${Math.round(100 * v)}%` } }),
    yAxis: axis(colours, { type: 'category', data: rows.map(r => r[0]), splitLine: { show: false }, axisLabel: { formatter: n => shorten(n, Math.floor(left / 7)) } }),
    series: [{
      type: 'bar', data: rows.map(r => r[1]), barMaxWidth: 22, itemStyle: { color: colours.module },
      label: { show: true, position: 'right', color: colours.ink, formatter: p => percent(p.value) },
    }],
  };
}

/** Shades of one colour, the better the stronger. */
const shade = (colours, rank) => ({ color: colours.module, opacity: 0.12 + 0.88 * (1 - rank) ** 2 });

function contour(o, colours, { width }) {
  const order = (study.importance[o] ?? study.params.map(() => 0)).map((share, i) => [share, i]).sort((a, b) => b[0] - a[0]).map(r => r[1]);
  if (order.length < 2)
    return { ...base(colours), title: { show: false } };
  const [a, b] = order;
  const rank = ranks(o);
  const unit = (p, v) => {
    const { choices, low, high, log } = study.params[p];
    if (choices)
      return (choices.indexOf(v) + 0.5) / choices.length;
    return high > low ? (log ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low)) : 0.5;
  };
  const seen = complete.filter(t => t.params[a] !== null && t.params[b] !== null);
  const at = seen.map(t => [unit(a, t.params[a]), unit(b, t.params[b]), rank.get(t.n)]);
  const cells = p => study.params[p].choices?.length ?? 24;
  const data = [];
  for (let i = 0; i < cells(a); i++) {
    for (let j = 0; j < cells(b); j++) {
      let mass = 1e-9, sum = 0.5e-9;
      for (const [x, y, r] of at) {
        const near = 1 / (1e-3 + (x - (i + 0.5) / cells(a)) ** 2 + (y - (j + 0.5) / cells(b)) ** 2) ** 2;
        mass += near;
        sum += near * r;
      }
      data.push({ value: [i, j, sum / mass], itemStyle: { color: colours.module, opacity: 0.06 + 0.74 * (1 - sum / mass) ** 2 } });
    }
  }
  const hidden = p => ({ type: 'category', data: Array.from({ length: cells(p) }, (_, i) => i), show: false });
  return {
    ...base(colours), legend: { show: false }, tooltip: hover(colours), grid: { left: 64, right: 16, top: 34, bottom: 48 },
    xAxis: [parameterAxis(colours, a, width), hidden(a)],
    yAxis: [parameterAxis(colours, b, 200, { ...nameAbove(colours) }), hidden(b)],
    series: [
      { type: 'heatmap', data, xAxisIndex: 1, yAxisIndex: 1, silent: true, progressive: 0 },
      { type: 'scatter', symbolSize: 6, data: seen.map(t => ({ ...point(t, t.params[a], t.params[b]), itemStyle: { color: t.front ? colours.monolith : colours.ink, opacity: t.front ? 1 : 0.55 }, symbolSize: t.front ? 11 : 5 })), z: 3 },
    ],
  };
}

function slice(p, colours, { width }) {
  const range = valueRange(0);
  const last = Math.max(1, study.trials.at(-1)?.n ?? 1);
  const seen = complete.filter(t => t.params[p] !== null);
  return {
    ...base(colours), legend: { show: false }, tooltip: hover(colours), grid: { left: 60, right: 16, top: 34, bottom: 48 },
    xAxis: parameterAxis(colours, p, width),
    yAxis: valueAxis(colours, 0, range),
    series: [{
      type: 'scatter', symbolSize: 7,
      data: seen.map(t => ({ ...point(t, t.params[p], range.put(t.values[0])), itemStyle: { color: t.front ? colours.monolith : colours.module, opacity: t.front ? 1 : 0.2 + 0.7 * t.n / last } })),
    }],
  };
}

function parallel(_, colours, { width }) {
  const rank = ranks(0);
  const room = Math.max(2, Math.floor(width / 80) - study.maximize.length); // axes that keep their names apart
  const order = (study.importance[0] ?? study.params.map(() => 0)).map((share, i) => [share, i]).sort((a, b) => b[0] - a[0]).slice(0, room).map(r => r[1]).sort((a, b) => a - b);
  const look = {
    nameTextStyle: { color: colours.soft, fontSize: 12 }, axisLabel: { color: colours.soft, fontSize: 11, formatter: v => shorten(String(show(v)), 10) },
    axisLine: { lineStyle: { color: colours.line } }, axisTick: { show: false },
  };
  const axes = order.map((p, dim) => {
    const { name, choices, low, high, log } = study.params[p];
    return { dim, name: shorten(name, 11), ...look, ...(choices ? { type: 'category', data: choices } : { type: log ? 'log' : 'value', min: low, max: high }) };
  });
  study.maximize.forEach((_, o) => axes.push({ dim: order.length + o, name: label(o), ...look, type: 'value', scale: true }));
  const ranges = study.maximize.map((_, o) => valueRange(o));
  const lines = [...complete].sort((a, b) => rank.get(b.n) - rank.get(a.n)).slice(-400);
  return {
    ...base(colours), legend: { show: false }, tooltip: { show: false },
    parallelAxis: axes,
    parallel: { left: 40, right: 48, top: 36, bottom: 20 },
    series: [{
      type: 'parallel', silent: true, smooth: false,
      data: lines.map(t => ({
        value: [...order.map(p => t.params[p] ?? '-'), ...t.values.map((v, o) => ranges[o].put(v))],
        lineStyle: t.front ? { color: colours.monolith, opacity: 1, width: 2.5 } : { ...shade(colours, rank.get(t.n)), width: 1 },
      })),
    }],
  };
}

function pareto(_, colours) {
  const [x, y] = [valueRange(0), valueRange(1)];
  const dots = which => complete.filter(which).map(t => point(t, x.put(t.values[0]), y.put(t.values[1])));
  return {
    ...base(colours), tooltip: hover(colours), grid: { left: 60, right: 16, top: 60, bottom: 44 },
    xAxis: axis(colours, { type: 'value', min: x.low, max: x.high, name: label(0), nameLocation: 'middle', nameGap: 26, axisLabel: { formatter: significant, showMinLabel: false, showMaxLabel: false } }),
    yAxis: valueAxis(colours, 1, y),
    series: [
      { name: 'tried', type: 'scatter', data: dots(t => !t.front), symbolSize: 6, itemStyle: { color: colours.plain, opacity: 0.6 } },
      { name: 'on the front', type: 'scatter', data: dots(t => t.front), symbolSize: 9, itemStyle: { color: colours.module } },
    ],
  };
}

const kinds = { contour, history, importance, parallel, pareto, slice };
drawPage((data, colours, size) => kinds[data.chart](Number(data.index), colours, size));
