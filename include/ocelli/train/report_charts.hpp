// The report's script, first part: reading the data, making elements, line charts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace ocelli::train::detail {

inline constexpr std::string_view kScriptCharts = R"page(
const data = JSON.parse(document.getElementById('data').textContent);
const byId = id => document.getElementById(id);
const hues = ['var(--c1)', 'var(--c2)', 'var(--c3)', 'var(--c4)', 'var(--c5)', 'var(--c6)'];

// Elements. Text from the data only ever becomes a text node.
function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'style') for (const [k, v] of Object.entries(value)) node.style.setProperty(k, v);
    else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}
const el = (name, attributes, ...children) => build(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) =>
  build(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
const swatch = color => el('span', { class: 'swatch', style: { background: color } });

const known = v => v !== null && v !== undefined && v > -1;
const percent = v => known(v) ? (100 * v).toFixed(1) : '–';
const share = v => known(v) ? v.toFixed(3) : '–';
function plain(v) {
  if (v === null || v === undefined) return '–';
  const size = Math.abs(v);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return v.toExponential(2).replace('e+', 'e');
  return size >= 100 ? Math.round(v).toLocaleString('en') : String(+v.toPrecision(3));
}
const whole = v => Math.round(v).toLocaleString('en');
function duration(seconds) {
  const s = Math.round(seconds), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h ? `${h} h ${m} min` : m ? `${m} min ${s % 60} s` : `${s} s`;
}
const className = label => label === 0 ? 'background' : (data.classes[label - 1] || {}).name || `label ${label}`;
const classColor = label => (data.classes[label - 1] || { color: '#888888' }).color;
const classInk = label => (data.classes[label - 1] || { ink: '#ffffff' }).ink;

const tip = byId('tip');
function showTip(event, title, rows) {
  tip.replaceChildren(el('b', {}, title), ...rows.map(([color, name, value]) =>
    el('div', { class: 'row' }, color ? swatch(color) : null, el('span', {}, name), el('b', {}, value))));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const right = event.clientX + 16 + width > innerWidth;
  tip.style.left = `${Math.max(4, right ? event.clientX - width - 14 : event.clientX + 16)}px`;
  tip.style.top = `${Math.max(4, Math.min(event.clientY - height / 2, innerHeight - height - 4))}px`;
}
const hideTip = () => { tip.hidden = true; };

function niceTicks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(m => m * power).find(s => s >= rough * 0.999);
  const ticks = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-9; v += step) ticks.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return ticks;
}
function logTicks(low, high) {
  const ticks = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); ++p)
    for (const m of [1, 2, 5]) if (m * 10 ** p >= low * 0.999 && m * 10 ** p <= high * 1.001) ticks.push(m * 10 ** p);
  return ticks.length > 7 ? ticks.filter(v => Math.abs(Math.log10(v) % 1) < 1e-9) : ticks;
}

// The mean of each point and its neighbours, as far as the ends allow: the trend of a noisy curve.
function smooth(points) {
  const reach = Math.max(3, Math.round(points.length / 40)), sums = [0], counts = [0];
  for (const [, y] of points) {
    sums.push(sums[sums.length - 1] + (y ?? 0));
    counts.push(counts[counts.length - 1] + (y === null ? 0 : 1));
  }
  return points.map(([x, y], i) => {
    const r = Math.min(reach, i, points.length - 1 - i), count = counts[i + r + 1] - counts[i - r];
    return [x, y === null ? null : (sums[i + r + 1] - sums[i - r]) / count];
  });
}

// A line chart. series: {name, color, points: [[x, y, extra]], faint, shown}; a null y breaks the line.
function lineChart(o) {
  const W = 600, H = 270, left = 52, right = 24, top = 10, bottom = 30;
  const holder = el('div'), legend = el('div', { class: 'legend' });
  const named = o.series.filter(s => !s.faint);
  named.forEach((s, i) => { s.shown = i < 10; });
  let log = false;
  function draw() {
    const shown = o.series.filter(s => (s.of || s).shown);
    const all = shown.flatMap(s => s.points).filter(p => p[1] !== null && (!log || p[1] > 0));
    const xs = all.map(p => p[0]), ys = all.map(p => p[1]);
    const least = (list, v) => list.reduce((a, b) => Math.min(a, b), v), most = (list, v) => list.reduce((a, b) => Math.max(a, b), v);
    const x0 = o.xMin ?? least(xs, Infinity), x1 = o.xMax ?? most(xs, -Infinity);
    let y0 = log ? least(ys, Infinity) : o.yMin ?? Math.min(0, least(ys, Infinity)), y1 = o.yMax ?? most(ys, -Infinity);
    if (!all.length) { holder.replaceChildren(el('p', { class: 'note' }, 'nothing to show')); return; }
    if (!(y1 > y0)) y1 = y0 + (Math.abs(y0) || 1);
    if (o.yMax === undefined && !log) y1 += (y1 - y0) * 0.05;
    const xSpan = x1 - x0 || 1;
    const px = x => left + (x1 === x0 ? 0.5 : (x - x0) / xSpan) * (W - left - right);
    const py = y => H - bottom - (log ? Math.log(y / y0) / Math.log(y1 / y0) : (y - y0) / (y1 - y0)) * (H - top - bottom);
    const picture = svg('svg', { viewBox: `0 0 ${W} ${H}`, width: '100%', role: 'img', 'aria-label': o.title });
    for (const y of log ? logTicks(y0, y1) : niceTicks(y0, y1, 5))
      picture.append(svg('line', { class: 'rule', x1: left, x2: W - right, y1: py(y), y2: py(y) }),
        svg('text', { x: left - 7, y: py(y) + 4, 'text-anchor': 'end' }, (o.yTick || o.format || plain)(y)));
    for (const x of x1 > x0 ? niceTicks(x0, x1, 6) : [x0])
      picture.append(svg('text', { x: px(x), y: H - bottom + 16, 'text-anchor': 'middle' }, (o.xFormat || whole)(x)));
    picture.append(svg('line', { class: 'axis', x1: left, x2: W - right, y1: H - bottom, y2: H - bottom }),
      svg('text', { x: (left + W - right) / 2, y: H - 1, 'text-anchor': 'middle' }, o.xLabel || 'step'));
    for (const s of shown) {
      let path = '', pen = false;
      for (const [x, y] of s.points) {
        if (y === null || (log && y <= 0)) { pen = false; continue; }
        path += `${pen ? 'L' : 'M'}${px(x).toFixed(1)} ${py(y).toFixed(1)}`;
        pen = true;
      }
      picture.append(svg('path', { d: path, fill: 'none', stroke: s.color, 'stroke-width': s.faint ? 1 : 2, 'stroke-linejoin': 'round',
        'stroke-linecap': 'round', opacity: s.faint ? 0.28 : 1 }));
      if (!s.faint && s.points.length < 25)
        for (const [x, y] of s.points) if (y !== null && (!log || y > 0))
          picture.append(svg('circle', { cx: px(x), cy: py(y), r: s.points.length === 1 ? 4 : 2.5, fill: s.color }));
    }
    for (const mark of o.marks || [])
      picture.append(svg('circle', { cx: px(mark.x), cy: py(mark.y), r: 4.5, fill: 'var(--card)', stroke: mark.color, 'stroke-width': 2 }));
    const cursor = svg('line', { class: 'axis', y1: top, y2: H - bottom, visibility: 'hidden', 'stroke-dasharray': '3 3' });
    const dots = svg('g');
    picture.append(cursor, dots);
    picture.addEventListener('mousemove', event => {
      const area = picture.getBoundingClientRect();
      const x = x0 + ((event.clientX - area.left) / area.width * W - left) / (W - left - right) * xSpan;
      const nearest = s => s.points.reduce((a, b) => b[1] !== null && (!a || Math.abs(b[0] - x) < Math.abs(a[0] - x)) ? b : a, null);
      const found = shown.filter(s => !s.faint).map(s => [s, nearest(s)]).filter(pair => pair[1]);
      if (!found.length) return;
      const at = found.map(pair => pair[1][0]).reduce((a, b) => Math.abs(b - x) < Math.abs(a - x) ? b : a);
      for (const [name, v] of [['x1', px(at)], ['x2', px(at)], ['visibility', 'visible']]) cursor.setAttribute(name, v);
      dots.replaceChildren(...found.filter(([, p]) => !log || p[1] > 0).map(([s, p]) =>
        svg('circle', { cx: px(p[0]), cy: py(p[1]), r: 4, fill: s.color, stroke: 'var(--card)', 'stroke-width': 1.5 })));
      showTip(event, `${o.xLabel || 'step'} ${(o.xFormat || whole)(at)}`, found.map(([s, p]) =>
        [s.color, s.name, (o.format || plain)(p[1]) + (o.extra && p[2] !== undefined ? o.extra(p[2]) : '')]));
    });
    picture.addEventListener('mouseleave', () => { cursor.setAttribute('visibility', 'hidden'); dots.replaceChildren(); hideTip(); });
    holder.replaceChildren(picture);
  }
  if (named.length > 1 || o.legend)
    for (const s of named) {
      const button = el('button', { type: 'button', title: 'show or hide', onclick: () => {
        s.shown = !s.shown;
        button.classList.toggle('off', !s.shown);
        draw();
      } }, swatch(s.color), s.name);
      button.classList.toggle('off', !s.shown);
      legend.append(button);
    }
  const title = el('h3', {}, o.title);
  if (o.logSwitch) {
    const button = el('button', { type: 'button', style: { float: 'right', padding: '0 8px' }, onclick: () => {
      log = !log;
      button.textContent = log ? 'linear' : 'log';
      draw();
    } }, 'log');
    title.append(button);
  }
  draw();
  return el('div', { class: 'card' }, title, o.note ? el('p', { class: 'note', style: { margin: 0 } }, o.note) : null, holder, legend);
}
)page";

}  // namespace ocelli::train::detail
