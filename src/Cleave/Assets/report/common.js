// What every chart shares: axes, tooltips built from text nodes (labels can hold anything), numbers for people.

export const font = 12;

export function axis(colours, more) {
  return {
    nameTextStyle: { color: colours.soft, fontSize: font },
    axisLabel: { color: colours.soft, fontSize: font, hideOverlap: true, ...more.axisLabel },
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { show: false, ...more.axisTick },
    splitLine: { show: true, lineStyle: { color: colours.line, opacity: 0.7 }, ...more.splitLine },
    ...without(more, 'axisLabel', 'axisTick', 'splitLine'),
  };
}

/** An axis of quality, named above its top left corner, between the ends of a range. */
export function qualityAxis(task, colours, range, more = {}) {
  return axis(colours, {
    type: 'value', min: range.low, max: range.high, name: `validation ${task.metric}`, ...nameAbove(colours),
    axisLabel: { formatter: qualityTick(task, range.low, range.high), showMinLabel: false, showMaxLabel: false }, ...more,
  });
}

export const nameAbove = colours => ({
  nameLocation: 'end', nameGap: 12, nameTextStyle: { align: 'left', padding: [0, 0, 0, -48], color: colours.soft, fontSize: font },
});

/**
 * The range of the trials that matter, widened to hold what must be seen. The hopeless ones would flatten all
 * the others; they are drawn on the edge, as an arrow, and keep their number in the tooltip.
 */
export function qualityRange(task, trials, must) {
  const sorted = of => of.map(t => t.quality).filter(q => q !== null).sort((a, b) => a - b);
  const finished = sorted(trials.filter(t => t.state === 'complete'));
  const all = finished.length > 0 ? finished : sorted(trials);
  const at = share => all[Math.round(share * (all.length - 1))];
  const reach = 3 * (at(0.75) - at(0.25));
  const few = all.length < 8;
  if (all.length === 0)
    return { low: 0, high: 1 };
  const values = [few || !task.higher ? all[0] : Math.max(all[0], at(0.25) - reach),
    few || task.higher ? all.at(-1) : Math.min(all.at(-1), at(0.75) + reach), ...must];
  const low = Math.min(...values), high = Math.max(...values);
  const room = high > low ? (high - low) * 0.08 : Math.abs(high) * 0.05 || 0.01;
  return { low: low - room, high: high + room };
}

/** A point of a trial, at the edge where it lies outside of the range. */
export function trialPoint(trial, x, range) {
  const y = Math.min(Math.max(trial.quality, range.low), range.high);
  return y === trial.quality ? { value: [x, y], trial }
    : { value: [x, y], trial, symbol: 'triangle', symbolSize: 7, symbolRotate: y === range.low ? 180 : 0 };
}

export function base(colours) {
  return {
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colours.ink, fontSize: font },
    legend: {
      top: 0, left: 0, itemWidth: 14, itemHeight: 10, itemGap: 14,
      textStyle: { color: colours.ink, fontSize: font }, inactiveColor: colours.plain,
    },
    tooltip: {
      confine: true, backgroundColor: colours.card, borderColor: colours.line, padding: 10,
      textStyle: { color: colours.ink, fontSize: 13 }, extraCssText: 'z-index: 1',
    },
  };
}

/** A tooltip: a heading and rows of name and value, all as text. */
export function tip(heading, rows) {
  const box = element('div', 'tip');
  box.append(element('b', '', heading));
  const list = element('dl');
  for (const [name, value] of rows)
    list.append(element('dt', '', name), element('dd', '', value));
  box.append(list);
  return box;
}

function element(tag, name = '', text) {
  const e = document.createElement(tag);
  if (name)
    e.className = name;
  if (text !== undefined)
    e.textContent = text;
  return e;
}

export function significant(x) {
  const size = Math.abs(x);
  if (size === 0)
    return '0';
  return size >= 99.95 ? Math.round(x).toLocaleString('en') : String(Number(x.toPrecision(3)));
}

function scaled(x, steps) {
  for (const [size, unit] of steps) {
    if (Math.abs(x) >= size * 0.9995)
      return `${significant(x / size)} ${unit}`;
  }
  return `${significant(x)} ${steps.at(-1)[1]}`;
}

export const time = ns => scaled(ns, [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']]);
export const bytes = b => scaled(b, [[1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB'], [1, 'B']]);
export const percent = x => `${(100 * x).toFixed(1)}%`;
export const quality = (task, x) => (task.share ? percent(x) : significant(x));

/** Room for the labels of a quality axis: as few decimals as its range needs. */
export function qualityTick(task, low, high) {
  if (!task.share)
    return significant;
  const decimals = high - low > 0.04 ? 0 : high - low > 0.004 ? 1 : 2;
  return x => `${(100 * x).toFixed(decimals)}%`;
}

/** Positions 1, 2, 5 × 10ⁿ between low and high, as logarithms. */
export function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const step of high - low > 3 ? [1] : [1, 2, 5]) {
      const at = power + Math.log10(step);
      if (at >= low && at <= high)
        ticks.push(at);
    }
  }
  return ticks;
}

export const shorten = (text, most) => (text.length > most ? text.slice(0, most - 1) + '…' : text);

function without(object, ...names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}
