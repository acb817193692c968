// The report's script, second part: headline, curves over time, quality, galleries, configuration.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace ocelli::train::detail {

inline constexpr std::string_view kScriptOverview = R"page(
// Of a classifier a picture as a whole is right or wrong; of a detector, boxes are.
const wholePicture = data.task === 'whole_picture';
const numberNames = wholePicture ? ['accuracy', 'mean of classes', 'top 5', 'mean F1', 'log loss']
  : ['AP', 'AP50', 'AP75', 'AP small', 'AP medium', 'AP large', 'AR 1', 'AR 10', 'AR 100', 'AR small', 'AR medium', 'AR large'];
const mainName = wholePicture ? 'accuracy' : 'AP50', mainNumber = e => e.n[wholePicture ? 0 : 1];

function headline() {
  byId('title').textContent = document.title = data.title;
  byId('subtitle').textContent = data.subtitle;
  const log = data.log, last = log.step.length - 1, cards = [];
  const figure = (name, value, more, part) => cards.push(el('div', { class: 'card figure' }, el('div', { class: 'name' }, name),
    el('div', { class: 'value' }, value), part === undefined ? null : el('div', { class: 'meter' },
      el('i', { style: { width: `${100 * Math.max(0, Math.min(1, part))}%` } })), el('div', { class: 'more' }, more || '')));
  const now = data.evaluations[data.evaluations.length - 1];
  if (now) {
    const best = data.evaluations.reduce((a, b) => b.n[0] > a.n[0] ? b : a);
    for (const [i, name, more] of wholePicture ? [[0, 'accuracy', 'of all pictures'], [1, 'mean of classes', 'each class counts alike'],
      ...(data.classes.length > 5 ? [[2, 'top 5', 'truth among the five surest']] : [])]
      : [[1, 'AP at IoU 0.50', 'precision over recall'], [0, 'AP', 'mean over IoU 0.50–0.95'],
        [2, 'AP at IoU 0.75', 'well placed boxes'], [8, 'AR', 'found, of 100 a picture']])
      if (known(now.n[i])) figure(name, percent(now.n[i]) + ' %', more, now.n[i]);
    if (known(best.n[0])) figure(`best ${numberNames[0]}`, percent(best.n[0]) + ' %', `at step ${whole(best.step)}`);
  }
  const step = Math.max(last >= 0 ? log.step[last] : 0, now ? now.step : 0);
  if (step) figure('step', whole(step), data.totalSteps ? `of ${whole(data.totalSteps)}${data.finished ? ', finished' : ''}` : '',
    data.totalSteps ? step / data.totalSteps : undefined);
  if (last >= 0) figure('loss', plain(log.loss[last]), `at the start ${plain(log.loss[0])}`);
  const rates = log.images_per_second.filter(v => v);
  if (rates.length) figure('images/s', plain(rates.reduce((a, b) => a + b) / rates.length), data.seconds ? `${duration(data.seconds)} in all` : 'mean');
  byId('headline').append(...cards);
  byId('theme').addEventListener('click', () => {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
  });
  document.documentElement.dataset.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

function training() {
  const log = data.log, charts = [];
  const column = name => log.step.map((step, i) => [step, log[name][i]]);
  if (log.step.length) {
    const parts = [['loss', 'total'], ['classification', 'classification'], ['localization', 'localization'], ['regularization', 'regularization']]
      .map(([name, title], i) => {
        const raw = column(name);
        if (!raw.some(p => p[1])) return [];
        const trend = { name: title, color: hues[i], points: raw.length > 60 ? smooth(raw) : raw };
        return raw.length > 60 ? [{ name: title, color: hues[i], points: raw, faint: true, of: trend }, trend] : [trend];
      }).flat();
    charts.push(lineChart({ title: 'Loss', series: parts, logSwitch: true,
      note: log.step.length > 60 ? 'thin: as logged; thick: smoothed' : '' }));
  }
  if (data.evaluations.some(e => known(e.n[0]))) {
    const over = (name, color, pick) => ({ name, color, points: data.evaluations.map(e => [e.step, known(pick(e)) ? pick(e) : null]) });
    if (wholePicture) {
      const learned = log.step.map((step, i) => [step, known(log.accuracy[i]) ? log.accuracy[i] : null]);
      charts.push(lineChart({ title: 'Accuracy', yMin: 0, yMax: 1, format: share, yTick: v => v.toFixed(1),
        series: [over('accuracy', hues[0], e => e.n[0]), over('mean of classes', hues[2], e => e.n[1]),
          ...(data.classes.length > 5 ? [over('top 5', hues[4], e => e.n[2])] : []),
          ...(learned.some(p => p[1] !== null) ? [{ name: 'pictures learned from', color: hues[5], points: learned.length > 60 ? smooth(learned) : learned }] : [])] }));
      charts.push(lineChart({ title: 'Log loss', note: 'of the pictures held out', logSwitch: true, series: [over('log loss', hues[1], e => e.n[4])] }));
    } else charts.push(lineChart({ title: 'Average precision', yMin: 0, yMax: 1, format: share, yTick: v => v.toFixed(1),
      series: [over('AP50', hues[1], e => e.n[1]), over('AP', hues[0], e => e.n[0]), over('AP75', hues[2], e => e.n[2]),
        over('AR 100', hues[4], e => e.n[8])] }));
    if (data.classes.length > 1 && data.evaluations.some(e => e.c.length))
      charts.push(lineChart({ title: wholePicture ? 'Recall of each class' : 'AP50 of each class', yMin: 0, yMax: 1, format: share, yTick: v => v.toFixed(1),
        series: data.classes.map((c, i) => over(c.name, c.color, e => e.c[i])) }));
  }
  if (log.step.length) {
    if (log.learning_rate.some(v => v)) charts.push(lineChart({ title: 'Learning rate', logSwitch: true,
      series: [{ name: 'learning rate', color: hues[3], points: column('learning_rate') }] }));
    if (log.images_per_second.some(v => v)) charts.push(lineChart({ title: 'Speed', format: v => plain(v) + '/s', yTick: plain,
      series: [{ name: 'images', color: hues[5], points: column('images_per_second') }] }));
    if (log.data_wait.some(v => v)) charts.push(lineChart({ title: 'Time spent waiting for data', yMin: 0, yMax: 1,
      format: v => percent(v) + ' %', yTick: v => `${Math.round(100 * v)} %`,
      series: [{ name: 'waiting', color: hues[4], points: column('data_wait') }] }));
  }
  byId('training').hidden = !charts.length;
  byId('training-charts').append(...charts);
}

function numbersTable() {
  const now = data.evaluations[data.evaluations.length - 1];
  if (!now) return null;
  const cell = (v, i) => numberNames[i] === 'log loss' ? el('td', {}, known(v) ? share(v) : '') : barCell(v);
  const before = data.evaluations[data.evaluations.length - 2];
  const change = i => before && known(before.n[i]) && known(now.n[i])
    ? (now.n[i] >= before.n[i] ? '+' : '−') + (numberNames[i] === 'log loss' ? share(Math.abs(now.n[i] - before.n[i]))
      : (100 * Math.abs(now.n[i] - before.n[i])).toFixed(1)) : '';
  return el('div', { class: 'card wide' }, el('h3', {}, `${wholePicture ? 'All pictures' : 'The 12 COCO numbers'} at step ${whole(now.step)}, in %`),
    el('div', { class: 'scroll' }, el('table', { class: 'numbers' }, el('thead', {}, el('tr', {}, numberNames.map(name => el('th', {}, name)))),
      el('tbody', {}, el('tr', {}, now.n.map(cell)), before ? el('tr', {}, numberNames.map((_, i) => el('td', { title: 'since the evaluation before' }, change(i)))) : null))));
}
function barCell(v) {
  return el('td', { class: 'bar' }, percent(v), known(v) ? el('i', { style: { '--part': `${100 * v}%` } }) : null);
}

function classTable() {
  if (!data.perClass.length) return null;
  const best = new Map(data.curves.map(c => [c.label, c.best]));
  const columns = wholePicture ? [['class', r => className(r.label)], ['pictures', r => r.truths], ['recall', r => r.n[0]],
    ['precision', r => r.n[1]], ['F1', r => r.n[2]], ['said of', r => r.detections]]
    : [['class', r => className(r.label)], ['objects', r => r.truths], ['AP', r => r.n[0]], ['AP50', r => r.n[1]],
    ['AP75', r => r.n[2]], ['AP small', r => r.n[3]], ['AP medium', r => r.n[4]], ['AP large', r => r.n[5]], ['AR 100', r => r.n[6]],
    ['best F1', r => (best.get(r.label) || [])[3]], ['at score', r => (best.get(r.label) || [])[0]]];
  const body = el('tbody');
  let order = null, rising = false;
  function fill() {
    const rows = [...data.perClass];
    if (order !== null) rows.sort((a, b) => {
      const x = columns[order][1](a), y = columns[order][1](b);
      return (typeof x === 'string' ? x.localeCompare(y) : (x ?? -1) - (y ?? -1)) * (rising ? 1 : -1);
    });
    body.replaceChildren(...rows.map(r => el('tr', {}, el('td', {}, swatch(classColor(r.label)), className(r.label)), el('td', {}, whole(r.truths)),
      r.n.map(barCell), wholePicture ? el('td', {}, whole(r.detections))
        : [el('td', {}, share(columns[9][1](r))), el('td', {}, share(columns[10][1](r)))])));
  }
  fill();
  const head = columns.map(([name], i) => el('th', { class: 'sortable', title: 'sort', onclick: () => {
    rising = order === i ? !rising : i === 0;
    order = i;
    fill();
  } }, name));
  return el('div', { class: 'card wide' }, el('h3', {}, 'Classes, in %'),
    el('div', { class: 'scroll' }, el('table', {}, el('thead', {}, el('tr', {}, head)), body)));
}

function confusionTable() {
  const counts = data.confusion.counts, C = data.classes.length;
  if (!counts.length) return null;
  const order = [...Array(C).keys()].map(c => c + 1).concat(wholePicture ? [] : [0]);  // background last
  const countOf = (truth, found) => wholePicture ? counts[(truth - 1) * C + found - 1] : counts[truth * (C + 1) + found];
  const few = C <= 14;
  const header = el('tr', {}, el('th', {}, wholePicture ? 'truth \\ said' : 'truth \\ found'), order.map(c => el('th', { title: c ? className(c) : 'missed' }, c ? className(c) : 'missed')));
  const rows = order.map(truth => {
    const of = order.map(found => countOf(truth, found)), sum = of.reduce((a, b) => a + b, 0);
    const name = truth ? className(truth) : 'nothing there';
    return el('tr', {}, el('th', { title: name }, name), order.map((found, i) => {
      if (!truth && !found) return el('td', { style: { background: 'none' } });
      const part = sum ? of[i] / sum : 0, right = truth === found;
      return el('td', { class: part > 0.55 ? 'strong' : null,
        style: { '--part': `${(92 * Math.sqrt(part)).toFixed(0)}%`, '--hue': right ? 'var(--good)' : 'var(--bad)' },
        onmousemove: event => showTip(event, `${name} → ${found ? className(found) : 'missed'}`, [[null, wholePicture ? 'pictures' : 'objects', whole(of[i])],
          [null, 'of the row', percent(part) + ' %']]), onmouseleave: hideTip }, few || of[i] ? whole(of[i]) : '');
    }));
  });
  return el('div', { class: few ? 'card' : 'card wide' }, el('h3', {}, 'Confusion'), el('p', { class: 'note' },
    wholePicture ? 'Rows: what a picture is. Columns: what was said of it. Colour: share of the row.' : `Detections with a score of at least ${share(data.confusion.score)} (the best F1 of all classes together), matched at IoU ${data.confusion.iou}. ` +
    'Last row: found where nothing is. Colour: share of the row.'),
    el('div', { class: 'scroll' }, el('table', { class: 'matrix' }, el('thead', {}, header), el('tbody', {}, rows))));
}

function quality() {
  const parts = [];
  const curves = data.curves.filter(c => c.positives > 0);
  if (curves.length) parts.push(lineChart({ title: `Precision against recall at IoU ${curves[0].iou.toFixed(2)}`, xLabel: 'recall', legend: true,
    xMin: 0, xMax: 1, yMin: 0, yMax: 1, format: share, xFormat: v => v.toFixed(2), yTick: v => v.toFixed(1),
    extra: score => ` at score ${share(score)}`, note: 'ring: the best F1 of the class',
    series: curves.map(c => ({ name: className(c.label), color: classColor(c.label), points: c.points })),
    marks: curves.slice(0, 10).filter(c => c.best[3] > 0).map(c => ({ x: c.best[2], y: c.best[1], color: classColor(c.label) })) }));
  parts.push(confusionTable(), numbersTable(), classTable());
  const shown = parts.filter(part => part);
  byId('quality').hidden = !shown.length;
  byId('quality-charts').append(...shown);
}

function galleries() {
  data.galleries.forEach((gallery, i) => {
    if (!gallery.items.length) return;
    byId('galleries').append(el('section', { id: `gallery-${i}` }, el('h2', {}, gallery.title), el('p', { class: 'note' }, gallery.note),
      el('div', { class: 'card row-of-pictures' }, gallery.items.map(item => {
        const found = shownOf(item.found.d, data.confusion.score);
        return el('figure', { style: { '--ratio': item.picture.w / Math.max(1, item.picture.h) } }, photo(item.picture, item.picture.truths, found, { tags: found.length <= 6 }),
          el('figcaption', {}, item.caption ? [item.caption, el('br')] : null, wholePicture ? null : el('b', {}, `F1 ${share(item.found.s)} `), item.picture.key));
      }))));
  });
}

function config() {
  byId('config').hidden = !data.config.length;
  byId('config-table').append(...data.config.map(([name, value]) => el('tr', {}, el('td', {}, name), el('td', {}, value))));
}
)page";

}  // namespace ocelli::train::detail
