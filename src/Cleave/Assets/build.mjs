// Bundles the page assets: node build.mjs MODULES OUT, where MODULES is the node_modules folder that
// "npm ci" filled. Every output is written beside its place and renamed, so a reader never sees half a file.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const modules = resolve(process.argv[2]);
const out = resolve(process.argv[3]);
const { buildSync } = createRequire(join(modules, 'index.js'))('esbuild');

// Pages carry the library with them, so they carry its notices too.
const notices = ['echarts/NOTICE', 'zrender/LICENSE'].map(f => readFileSync(join(modules, f), 'utf8').trim());

const bundles = [
  { source: 'charts.js', file: 'charts.js', globalName: 'echarts', banner: { js: `/*!\n${notices.join('\n\n')}\n*/` } },
  { source: 'report/report.js', file: 'report.js' },
  { source: 'study/study.js', file: 'study.js' },
  { source: 'dashboard/dashboard.js', file: 'dashboard.js' },
  { source: 'report/report.css', file: 'report.css' },
  { source: 'dashboard/dashboard.css', file: 'dashboard.css' },
];

mkdirSync(out, { recursive: true });
for (const { source, file, globalName, banner } of bundles) {
  const { outputFiles } = buildSync({
    entryPoints: [join(here, source)],
    bundle: true,
    minify: true,
    format: 'iife',
    globalName,
    banner,
    legalComments: 'none',
    target: 'es2020',
    charset: 'ascii',
    nodePaths: [modules],
    logLevel: 'warning',
    write: false,
  });
  const partial = join(out, file + '.partial');
  writeFileSync(partial, outputFiles[0].contents);
  renameSync(partial, join(out, file));
}
