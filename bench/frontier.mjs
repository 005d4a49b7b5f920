// node bench/frontier.mjs [RELEASE]
// Draws bench/results/distillation.md as bench/results/distillation.svg: how much of the teacher's quality each student has at how much of its size. With a release (bench/eight's)
// also the modules that 'cleave split' found for the same tasks, hollow.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';

const results = new URL('results/', import.meta.url).pathname, release = process.argv[2];
const rows = readFileSync(`${results}distillation.md`, 'utf8').split('\n').filter(l => /^\| \w+ \| `/.test(l)).map(l => l.split('|').map(c => c.trim()));
const points = rows.map(c => ({ task: c[1], name: c[2].replaceAll('`', ''), quality: parseFloat(c[5]), size: parseFloat(c[7]) }));
const tasks = [...new Set(points.map(p => p.task))], colours = ['#0969a2', '#c97a00', '#1a7f5a'];
if (release) {
  for (const task of tasks.filter(t => existsSync(`${release}/modules/${t}/module.json`))) {
    const { certificate: c, weights_bytes: bytes } = JSON.parse(readFileSync(`${release}/modules/${task}/module.json`, 'utf8'));
    points.push({ task, name: 'found by a search', quality: 100 * c.module.value / c.monolith.value, size: 100 * bytes / statSync(`${release}/monolith/model.safetensors`).size, hollow: true });
  }
}
const [left, top, width, height] = [70, 30, 560, 320];
const low = Math.floor(Math.min(...points.map(p => p.quality)) - 1), high = Math.ceil(Math.max(...points.map(p => p.quality)) + 1);
const x = s => left + width * s / 100, y = q => top + height * (high - q) / (high - low);
const text = (at, up, words, more = '') => `<text x="${at.toFixed(1)}" y="${up.toFixed(1)}" ${more}>${words}</text>`;
const out = [`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 430" font-family="system-ui, sans-serif" font-size="12" fill="#1b2733"><title>Quality against size of distilled students</title>`,
  `<rect width="700" height="430" fill="#ffffff"/>`];
for (let s = 0; s <= 100; s += 20)
  out.push(`<path d="M${x(s)} ${top}v${height}" stroke="#e3e8ed"/>`, text(x(s), top + height + 18, `${s}%`, 'text-anchor="middle"'));
for (let q = low; q <= high; q += 2)
  out.push(`<path d="M${left} ${y(q)}h${width}" stroke="#e3e8ed"/>`, text(left - 8, y(q) + 4, `${q}%`, 'text-anchor="end"'));
out.push(text(left + width / 2, top + height + 40, "size, of the teacher's", 'text-anchor="middle"'), text(left, top - 12, "quality, of the teacher's"),
  `<path d="M${x(0)} ${y(97)}H${x(60)}V${y(high)}" fill="none" stroke="#5b6b7a" stroke-dasharray="5 4"/>`, text(x(60) + 6, top + 14, "DistilBERT's line", 'fill="#5b6b7a"'));
for (const p of points) {
  const c = colours[tasks.indexOf(p.task) % colours.length];
  out.push(`<circle cx="${x(p.size).toFixed(1)}" cy="${y(p.quality).toFixed(1)}" r="5.5" stroke="${c}" stroke-width="2" fill="${p.hollow ? '#ffffff' : c}"><title>${p.task}, ${p.name}: ${p.quality.toFixed(1)}% at ${p.size.toFixed(1)}%</title></circle>`);
}
tasks.forEach((t, i) => out.push(`<circle cx="${left + 10 + 110 * i}" cy="418" r="5" fill="${colours[i % colours.length]}"/>`, text(left + 22 + 110 * i, 422, t)));
if (points.some(p => p.hollow))
  out.push(`<circle cx="${left + 350}" cy="418" r="5" fill="#ffffff" stroke="#1b2733" stroke-width="2"/>`, text(left + 362, 422, 'found by a search'));
writeFileSync(`${results}distillation.svg`, out.join('\n') + '\n</svg>\n');
console.log(`${results}distillation.svg: ${points.length} modules`);
