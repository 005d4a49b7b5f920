// node bench/recipes.mjs WORK MINUTES SPACE OUT
// Tables and drawing of bench/recipes.sh, from the releases WORK/narrow/release and WORK/wide/release: what became of each task, and the trials of both searches on the
// validation items. Writes OUT and, beside it, the same name as .svg; what stands in OUT behind its tables, from the first line that begins with '- ', is kept.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';

const [work, minutes, space, out] = process.argv.slice(2), names = ['narrow', 'wide'];
const threads = availableParallelism();
const json = (name, file) => JSON.parse(readFileSync(`${work}/${name}/release/${file}`, 'utf8'));
const searched = Object.fromEntries(names.map(n =>
  [n, JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(readFileSync(`${work}/${n}/release/report.html`, 'utf8'))[1])]));
const tasks = Object.keys(json('narrow', 'measurements.json').tasks);
const complete = (name, i) => searched[name][i].trials.filter(t => t.state === 'complete');
const asGood = (a, b) => a.quality >= b.quality && a.cost <= b.cost && a.bytes <= b.bytes;
const beats = (a, b) => asGood(a, b) && !asGood(b, a);
const front = trials => trials.filter(t => !trials.some(o => beats(o, t)));

const lines = [
  '# A wider recipe space in the same time', '',
  `\`bench/recipes.sh ${minutes}\`: the four tasks of \`bench/real\`, ${minutes} minutes of search a task on ${threads === 1 ? 'one thread' : `${threads} threads`} with \`sampler: auto\`, one seed. Narrow is the default space, wide adds`,
  `\`${space}\`.`, '',
  'What was published: quality on the test items with its 95% interval.', '',
  '| task | space | trials | module | monolith | certified | MB | ms an item | recipe |', '|---|---|---:|---:|---:|---|---:|---:|---|'];
const quality = q => `${q.value.toFixed(3)} [${q.low.toFixed(3)}, ${q.high.toFixed(3)}]`, rounded = v => typeof v === 'number' ? +v.toPrecision(3) : v;
tasks.forEach((task, i) => names.forEach(name => {
  const file = `modules/${task}/module.json`;
  if (!existsSync(`${work}/${name}/release/${file}`)) {
    lines.push(`| ${task} | ${name} | ${searched[name][i].trials.length} | | | none | | | |`);
    return;
  }
  const m = json(name, file), c = m.certificate, recipe = Object.entries(m.recipe).map(([k, v]) => `${k} ${rounded(v)}`).join(', ');
  lines.push(`| ${task} | ${name} | ${searched[name][i].trials.length} | ${quality(c.module)} | ${quality(c.monolith)} | ${c.passed ? 'yes' : 'no'} | ${(m.weights_bytes / 1e6).toFixed(2)} | ${json(name, 'measurements.json').tasks[task].module_ms.toFixed(3)} | ${recipe} |`);
}));
lines.push('', `![trials of both searches](${basename(out, '.md')}.svg)`, '',
  'The fronts of quality, computed cost and bytes on the validation items: how many trials are on each, and how many of those a trial of the other search beats (no worse in any of the three, better in one).', '',
  '| task | narrow | beaten by wide | wide | beaten by narrow | best quality | the published ones: ns, MB |', '|---|---:|---:|---:|---:|---|---|');
tasks.forEach((task, i) => {
  const [narrow, wide] = names.map(n => front(complete(n, i))), beaten = (trials, by) => trials.filter(t => by.some(o => beats(o, t))).length;
  const best = names.map(n => Math.max(...complete(n, i).map(t => t.quality)).toFixed(3)).join(', ');
  const taken = names.map(n => searched[n][i].trials.find(t => t.chosen)).map(t => t ? `${Math.round(t.cost)}, ${(t.bytes / 1e6).toFixed(2)}` : '').join('; ');
  lines.push(`| ${task} | ${narrow.length} | ${beaten(narrow, wide)} | ${wide.length} | ${beaten(wide, narrow)} | ${best} | ${taken} |`);
});

// A panel a task: computed cost to the right (logarithmic), quality up; what was published is filled.
const colours = { narrow: '#9a6700', wide: '#0969a2' }, panel = { width: 430, height: 250, left: 56, top: 34 };
const text = (x, y, words, more = '') => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${words}</text>`;
const svg = [];
tasks.forEach((task, i) => {
  const trials = names.flatMap(n => complete(n, i).map(t => ({ ...t, name: n }))), line = searched.narrow[i].monolithQuality - searched.narrow[i].margin;
  const costs = trials.map(t => Math.log10(t.cost / 1000)), [from, to] = [Math.floor(Math.min(...costs) * 5) / 5, Math.ceil(Math.max(...costs) * 5) / 5];
  const top = Math.max(line, ...trials.map(t => t.quality)), low = line - 0.4 * (top - line) - 0.005, high = top + 0.005;
  const left = 20 + (i % 2) * 500 + panel.left, up = 20 + Math.floor(i / 2) * 340 + panel.top;
  const x = cost => left + panel.width * (Math.log10(cost / 1000) - from) / (to - from), y = q => up + panel.height * (high - q) / (high - low);
  svg.push(text(left, up - 12, `${task}: ${searched.narrow[i].metric} on validation items`, 'font-weight="600"'), `<rect x="${left}" y="${up}" width="${panel.width}" height="${panel.height}" fill="none" stroke="#d0d7de"/>`);
  for (let e = Math.ceil(from); e <= to; e++)
    for (const m of [1, 2, 5].filter(m => Math.log10(m) + e >= from && Math.log10(m) + e <= to))
      svg.push(`<path d="M${x(m * 10 ** (e + 3)).toFixed(1)} ${up}v${panel.height}" stroke="#eaeef2"/>`, text(x(m * 10 ** (e + 3)), up + panel.height + 16, `${m * 10 ** e} µs`, 'text-anchor="middle"'));
  for (let k = 0; k <= 4; k++)
    svg.push(text(left - 6, y(low + (high - low) * k / 4) + 4, (low + (high - low) * k / 4).toFixed(3), 'text-anchor="end"'));
  svg.push(`<path d="M${left} ${y(line).toFixed(1)}h${panel.width}" stroke="#5b6b7a" stroke-dasharray="5 4"/>`, text(left + panel.width - 4, y(line) - 5, 'monolith less margin', 'text-anchor="end" fill="#5b6b7a"'));
  for (const t of trials.filter(t => t.quality >= low).sort((a, b) => a.chosen - b.chosen || names.indexOf(a.name) - names.indexOf(b.name)))
    svg.push(`<circle cx="${x(t.cost).toFixed(1)}" cy="${y(t.quality).toFixed(1)}" r="${!t.chosen ? 3.5 : t.name === 'narrow' ? 9 : 5.5}" stroke="${colours[t.name]}" stroke-width="1.5" fill="${t.chosen ? colours[t.name] : 'none'}"><title>${t.name} ${t.number}: ${t.quality.toFixed(3)}, ${Math.round(t.cost)} ns, ${(t.bytes / 1e6).toFixed(2)} MB</title></circle>`);
});
const height = 20 + Math.ceil(tasks.length / 2) * 340 + 24;
names.forEach((n, i) => svg.push(`<circle cx="${84 + 250 * i}" cy="${height - 18}" r="6" fill="${colours[n]}"/>`, text(98 + 250 * i, height - 14, `${n} space (published: filled${i ? "; far below the line: not drawn" : ""})`)));
writeFileSync(out.replace(/\.md$/, '.svg'), [`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1020 ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#1b2733"><title>Trials of a narrow and a wide recipe space</title>`,
  `<rect width="1020" height="${height}" fill="#ffffff"/>`, ...svg, '</svg>', ''].join('\n'));
const said = existsSync(out) ? readFileSync(out, 'utf8').split('\n') : [], words = said.findIndex(l => l.startsWith('- '));
writeFileSync(`${out}.partial`, [...lines, ...(words >= 0 ? ['', ...said.slice(words)] : ['']) ].join('\n'));
renameSync(`${out}.partial`, out);
console.log(out);
