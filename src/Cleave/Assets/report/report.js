// Brings the report to life: draws every chart from the data in the page, follows the colour theme, and
// answers the switches. Without it the page still says everything in text and tables.
import { confusion } from './confusion.js';
import { counts, reliability } from './bars.js';
import { curves } from './curves.js';
import { history } from './history.js';
import { pareto } from './pareto.js';
import { drawPage } from './draw.js';

const kinds = { confusion, counts, curves, history, pareto, reliability };
const tasks = JSON.parse(document.getElementById('data').textContent);
const draw = drawPage((data, colours, size) => kinds[data.chart](tasks[data.task], colours, size));

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
