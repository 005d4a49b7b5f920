// The dashboard's charts, from the window of what the server has counted.
import { axis, base, bytes, nameAbove, significant, time, tip } from '../report/common.js';
import { totals } from './window.js';

const clock = at => new Date(at).toLocaleTimeString('en-GB');
const styles = ['solid', 'dashed', 'dotted'];
// On a narrow page the legend takes a second line.
const grid = ({ width }) => ({ left: 64, right: 20, top: width < 480 ? 84 : 60, bottom: 32 });

/** Colours that are told apart, with line styles for when they come again. */
function look(colours, i) {
  const all = [colours.module, colours.monolith, colours.pass, colours.plain, colours.fail];
  return { color: all[i % all.length], type: styles[Math.floor(i / all.length) % styles.length] };
}

function overTime(lines, name, write, colours, size, stack) {
  return {
    ...base(colours), grid: grid(size),
    xAxis: axis(colours, { type: 'time', axisLabel: { formatter: clock }, splitLine: { show: false } }),
    yAxis: axis(colours, { type: 'value', min: 0, name, ...nameAbove(colours), axisLabel: { formatter: write } }),
    tooltip: {
      ...base(colours).tooltip, trigger: 'axis', axisPointer: { lineStyle: { color: colours.plain } },
      formatter: items => tip(clock(items[0].value[0]), items.map(p => [p.seriesName, write(p.value[1])])),
    },
    series: [...lines].map(([line, data], i) => {
      const { color, type } = look(colours, i);
      return { name: line, type: 'line', data, showSymbol: data.length < 3, symbolSize: 5, stack, itemStyle: { color }, lineStyle: { color, type, width: 2 }, areaStyle: stack ? { color, opacity: 0.15 } : undefined };
    }),
  };
}

/** Bars side by side for each of the names. */
function bars(rows, parts, name, write, colours, size, stack) {
  return {
    ...base(colours), grid: grid(size),
    xAxis: axis(colours, { type: 'category', data: rows.map(r => r[0]), splitLine: { show: false } }),
    yAxis: axis(colours, { type: 'value', min: 0, name, ...nameAbove(colours), axisLabel: { formatter: write } }),
    tooltip: { ...base(colours).tooltip, trigger: 'axis', formatter: items => tip(items[0].name, items.map(p => [p.seriesName, write(p.value)])) },
    series: parts.map((part, i) => ({ name: part, type: 'bar', stack, barMaxWidth: 36, data: rows.map(r => r[1][i]), itemStyle: { color: look(colours, i).color } })),
  };
}

const seconds = s => (s === 0 ? '0' : time(s * 1e9));
const answering = tags => tags['gen_ai.response.model'] ?? tags['gen_ai.request.model'];

export const draws = {
  traffic: (window, colours, size) => overTime(window.rates('cleave.requests', 'module'), 'requests a second', significant, colours, size, 'all'),
  latency: (window, colours, size) => bars([...window.quantiles('gen_ai.server.request.duration', answering, [0.5, 0.95])], ['half are faster', '95% are faster'], 'time', seconds, colours, size),
  queue: (window, colours, size) => bars([...window.quantiles('cleave.queue.duration', tags => tags.module, [0.5, 0.95])], ['half wait less', '95% wait less'], 'time', seconds, colours, size),
  cores: (window, colours, size) => overTime(window.rates('cleave.module.compute', 'module'), 'cores', significant, colours, size, 'all'),
  memory(window, colours, size) {
    const kinds = ['weights', 'keys_values'];
    const rows = new Map();
    for (const { tags, value } of window.last?.metrics.get('cleave.module.memory')?.series ?? []) {
      const row = rows.get(tags.module) ?? kinds.map(() => 0);
      rows.set(tags.module, row);
      row[kinds.indexOf(tags.kind)] += value;
    }
    return bars([...rows], ['weights', 'keys and values'], 'memory', bytes, colours, size, 'all');
  },
  routing(window, colours, size) {
    const routes = ['named', 'router', 'escalated'];
    const rows = new Map();
    for (const { tags, value } of window.last?.metrics.get('cleave.requests')?.series ?? []) {
      if (!routes.includes(tags.route))
        continue; // it ended before a module was found
      const row = rows.get(tags.module) ?? routes.map(() => 0);
      rows.set(tags.module, row);
      row[routes.indexOf(tags.route)] += value;
    }
    return bars([...rows], ['named by the request', 'chosen by the router', 'escalated to the monolith'], 'requests since the start', significant, colours, size, 'all');
  },
  energy(window, colours, size) {
    const method = [...totals(window.last?.metrics ?? new Map(), 'cleave.energy', 'method').keys()][0] ?? 'estimated';
    const watts = [...window.rates('cleave.energy', 'method').values()][0] ?? [];
    return overTime([[`watts, ${method}`, watts]], 'watts', significant, colours, size);
  },
};
