// Brings the report to life: draws every chart from the data in the page, follows the colour theme, and
// answers the switches. Without it the page still says everything in text and tables.
import { confusion } from './confusion.js';
import { counts, reliability } from './bars.js';
import { curves } from './curves.js';
import { history } from './history.js';
import { pareto } from './pareto.js';
import { followTheme, palette } from './theme.js';

const kinds = { confusion, counts, curves, history, pareto, reliability };
const tasks = JSON.parse(document.getElementById('data').textContent);
const places = [...document.querySelectorAll('[data-chart]')];

function draw(place) {
  const chart = echarts.getInstanceByDom(place) ?? echarts.init(place, null, { renderer: 'svg' });
  chart.resize();
  const options = kinds[place.dataset.chart](tasks[place.dataset.task], palette(), {
    ...place.dataset, width: place.clientWidth, height: place.clientHeight,
  });
  chart.setOption(options, true);
}

const drawAll = () => places.forEach(draw);

followTheme(drawAll);

for (const button of document.querySelectorAll('[data-set]')) {
  button.addEventListener('click', () => {
    for (const other of button.parentElement.children)
      other.setAttribute('aria-pressed', String(other === button));
    for (const place of button.closest('.card').querySelectorAll('[data-chart]')) {
      place.dataset[button.dataset.set] = button.dataset.value;
      draw(place);
    }
  });
}

let width = document.body.clientWidth;
new ResizeObserver(() => {
  if (document.body.clientWidth !== width) {
    width = document.body.clientWidth;
    drawAll();
  }
}).observe(document.body);
