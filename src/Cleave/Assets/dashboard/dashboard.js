// Asks the server how it is every two seconds and shows it. The key, where one is needed, stays in this page's memory.
import { drawPage } from '../report/draw.js';
import { bytes, significant } from '../report/common.js';
import { Window, counters } from './window.js';
import { draws } from './draws.js';
import { Versions } from './versions.js';
import { offer, playground } from './playground.js';

const pause = 2000;
const seen = new Window();
const places = [...document.querySelectorAll('[data-chart]')];
const draw = drawPage((data, colours, size) => draws[data.chart](seen, colours, size));
const status = document.getElementById('status');
const key = document.getElementById('key');
let timer = 0;

function ask(path, body) {
  const headers = body ? { 'Content-Type': 'application/json' } : {};
  if (key.value)
    headers.Authorization = `Bearer ${key.value}`;
  return fetch(path, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), cache: 'no-store' });
}

const say = (text, bad) => {
  if (status.textContent !== text) // said aloud only when it changes
    status.textContent = text;
  status.className = `badge ${bad ? 'fail' : 'pass'}`;
};

async function look() {
  clearTimeout(timer);
  try {
    const response = await ask('/admin/stats');
    const stats = await response.json();
    document.getElementById('need-key').hidden = response.status !== 401 && response.status !== 403;
    if (response.ok)
      show(stats);
    else
      say(stats.error.message, true);
  } catch (e) {
    say(`The server cannot be reached: ${e.message}`, true);
  }
  timer = setTimeout(look, pause);
}

function show(stats) {
  seen.push(stats);
  say('serving', false);
  const { metrics } = seen.last;
  const tiles = {
    requests: significant(counters(metrics, 'cleave.requests')), active: counters(metrics, 'cleave.requests.active'), waiting: counters(metrics, 'cleave.queue.length'),
    escalations: significant(counters(metrics, 'cleave.escalations')), memory: bytes(counters(metrics, 'process.memory.usage')), energy: `${significant(counters(metrics, 'cleave.energy'))} J`,
  };
  for (const [name, value] of Object.entries(tiles))
    document.getElementById(`tile-${name}`).textContent = value;
  offer(stats.models);
  versions.show(stats.versions);
  document.getElementById('allocation').hidden = !stats.allocation;
  document.getElementById('bottleneck').textContent = stats.allocation ? `Bottleneck: ${stats.allocation.bottleneck.sentence}.` : '';
  places.forEach(draw);
}

const versions = new Versions(async (path, body) => {
  const note = document.getElementById('changed');
  try {
    const response = await ask(path, body);
    note.textContent = response.ok ? 'Done.' : (await response.json()).error.message;
  } catch (e) {
    note.textContent = `The server cannot be reached: ${e.message}`;
  }
  look();
});

playground(ask);
document.getElementById('need-key').addEventListener('submit', event => {
  event.preventDefault();
  look();
});
look();
