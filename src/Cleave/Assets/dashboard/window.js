// What the server has counted, at the moments when it was asked: rates and quantiles are differences between two of them.

const kept = 150;

export class Window {
  constructor() {
    this.moments = [];
  }

  /** @param stats the answer of /admin/stats */
  push(stats) {
    const metrics = new Map(stats.metrics.map(m => [m.name, m]));
    if (this.last && counters(metrics, 'cleave.http.requests') < counters(this.last.metrics, 'cleave.http.requests'))
      this.moments = []; // the server has begun anew
    this.moments.push({ time: Date.parse(stats.time), metrics });
    if (this.moments.length > kept)
      this.moments.shift();
  }

  get last() {
    return this.moments.at(-1);
  }

  /** Rates in 1/s between neighbouring moments by a tag: a map of names to [time, rate]. */
  rates(metric, tag) {
    const lines = new Map();
    for (let i = 1; i < this.moments.length; i++) {
      const [before, now] = [this.moments[i - 1], this.moments[i]];
      const seconds = Math.max(0.001, (now.time - before.time) / 1000);
      for (const [name, value] of totals(now.metrics, metric, tag)) {
        const line = lines.get(name) ?? [];
        lines.set(name, line);
        line.push([now.time, (value - (totals(before.metrics, metric, tag).get(name) ?? 0)) / seconds]);
      }
    }
    return lines;
  }

  /** Quantiles by tag over the moments that are kept; over all there has been where only one is. */
  quantiles(metric, tagOf, shares) {
    const found = this.last?.metrics.get(metric);
    const sum = of => {
      const by = new Map();
      for (const series of of?.metrics.get(metric)?.series ?? []) {
        const name = tagOf(series.tags), counts = by.get(name) ?? series.buckets.map(() => 0);
        by.set(name, counts.map((c, i) => c + series.buckets[i]));
      }
      return by;
    };
    const now = sum(this.last), before = this.moments.length > 1 ? sum(this.moments[0]) : new Map();
    return new Map([...now].map(([name, counts]) => {
      const since = counts.map((c, i) => c - (before.get(name)?.[i] ?? 0));
      const used = since.some(c => c > 0) ? since : counts;
      return [name, shares.map(share => quantile(used, found.bounds, share))];
    }));
  }
}

/** Sums of a metric's series by one of their tags. */
export function totals(metrics, metric, tag) {
  const by = new Map();
  for (const series of metrics.get(metric)?.series ?? [])
    by.set(series.tags[tag] ?? '', (by.get(series.tags[tag] ?? '') ?? 0) + series.value);
  return by;
}

export const counters = (metrics, metric) => (metrics.get(metric)?.series ?? []).reduce((sum, s) => sum + s.value, 0);

/** The value below which a share of the measurements lies, as if each bucket were filled evenly. */
export function quantile(counts, bounds, share) {
  const all = counts.reduce((a, b) => a + b, 0);
  let below = 0;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] > 0 && below + counts[i] >= share * all) {
      const low = i === 0 ? 0 : bounds[i - 1], high = bounds[i] ?? bounds.at(-1);
      return low + (high - low) * ((share * all - below) / counts[i]);
    }
    below += counts[i];
  }
  return 0;
}
