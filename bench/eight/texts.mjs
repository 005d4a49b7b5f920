// node bench/eight/texts.mjs ROWS > texts.txt
// Test items of the eight tasks in turn, in the project's order, one a line: what 'cleave bench serving RELEASE --text' puts to the module that each is for.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const rows = Number(process.argv[2] ?? 100);
const desk = (name) => join(here, '../../samples/support-desk/data', name);
const real = (name) => join(here, '../real/data', name);

const json = (file) => readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line).text);
const banking = (file) => [...readFileSync(file, 'utf8').matchAll(/^(?:"((?:[^"]|"")*)"|([^",\n]*)),[^,\n]*$/gm)].slice(1).map((m) => (m[1] ?? m[2]).replaceAll('""', '"'));
const reviews = (file) => readFileSync(file, 'utf8').split('\n').slice(1).filter(Boolean).map((line) => line.split('\t')[0]);

const tasks = [
  json(desk('intent.test.jsonl')), json(desk('sentiment.test.jsonl')), json(desk('reply.test.jsonl')), json(desk('order.test.jsonl')),
  banking(real('banking77.test.csv')), reviews(real('sst2.test.tsv')), json(real('slots.test.jsonl')), json(real('replies.test.jsonl')),
];
for (let i = 0; i < rows; i++)
  for (const texts of tasks) console.log(texts[i % texts.length].replace(/\s+/g, ' ').trim());
