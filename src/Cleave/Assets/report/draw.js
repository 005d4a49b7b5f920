// Draws the charts of a page, again when the colours or the width change.
import { followTheme, palette } from './theme.js';

/** @param option the options of one chart, from its place, the colours and its size */
export function drawPage(option) {
  const places = [...document.querySelectorAll('[data-chart]')];
  const draw = place => {
    if (place.closest('[hidden]'))
      return; // it has no size
    const chart = echarts.getInstanceByDom(place) ?? echarts.init(place, null, { renderer: 'svg' });
    chart.resize();
    chart.setOption(option(place.dataset, palette(), { ...place.dataset, width: place.clientWidth, height: place.clientHeight }), true);
  };
  const drawAll = () => places.forEach(draw);
  followTheme(drawAll);
  let width = document.body.clientWidth;
  new ResizeObserver(() => {
    if (document.body.clientWidth !== width) {
      width = document.body.clientWidth;
      drawAll();
    }
  }).observe(document.body);
  return draw;
}
