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

/** The name of a vertical axis: above its end, starting at the card's edge so that it never runs out. */
export const above = { nameLocation: 'end', nameGap: 10, nameTextStyleAlign: 'left' };

export function base(colours) {
  return {
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colours.ink, fontSize: font },
    legend: {
      top: 0, left: 0, itemWidth: 14, itemHeight: 10, itemGap: 14, icon: undefined,
      textStyle: { color: colours.ink, fontSize: font }, inactiveColor: colours.plain,
    },
    tooltip: {
      confine: true, appendTo: undefined, backgroundColor: colours.card, borderColor: colours.line, padding: 10,
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
