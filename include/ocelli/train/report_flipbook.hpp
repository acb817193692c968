// The report's script, third part: pictures with boxes, the Flip Book, and the start of it all.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace ocelli::train::detail {

inline constexpr std::string_view kScriptFlipBook = R"page(
// Truths are [label, flags, ymin, xmin, ymax, xmax], detections [label, score * 1000, ymin, ...], boxes in 1/10000.
function iouOf(a, b, crowd) {
  const common = Math.max(0, Math.min(a[4], b[4]) - Math.max(a[2], b[2])) * Math.max(0, Math.min(a[5], b[5]) - Math.max(a[3], b[3]));
  const area = box => (box[4] - box[2]) * (box[5] - box[3]);
  return common > 0 ? common / (crowd ? area(a) : area(a) + area(b) - common) : 0;
}
// One to one, within the class first and then across: the rule of the confusion matrix.
function matchBoxes(truths, found, iou) {
  const of = found.map(() => -1), by = truths.map(() => -1);
  const take = same => found.forEach((d, i) => {
    let best = iou, at = -1;
    if (of[i] !== -1) return;
    truths.forEach((t, g) => {
      if (by[g] !== -1 || (t[1] & 1) || (t[0] === d[0]) !== same) return;
      const v = iouOf(d, t);
      if (v > best || (at < 0 && v >= best)) { best = v; at = g; }
    });
    if (at >= 0) { of[i] = at; by[at] = i; }
  });
  take(true);
  found.forEach((d, i) => { if (of[i] === -1 && truths.some(t => (t[1] & 1) && t[0] === d[0] && iouOf(d, t, true) >= iou)) of[i] = -2; });
  take(false);
  const outcome = of.map((g, i) => g === -2 ? 'ignored' : g >= 0 && truths[g][0] === found[i][0] ? 'right' : 'wrong');
  const missed = truths.map((t, g) => !(t[1] & 1) && (by[g] < 0 || outcome[by[g]] !== 'right'));
  return { outcome, missed };
}

// A picture with its truths dashed and its detections solid.
function photo(picture, truths, found, o = {}) {
  const matched = o.outcome ? matchBoxes(truths, found, data.confusion.iou) : null;
  const marks = svg('svg', { viewBox: '0 0 10000 10000', preserveAspectRatio: 'none' }), tags = [];
  const rect = (box, attributes) => svg('rect', { x: box[3], y: box[2], width: Math.max(0, box[5] - box[3]), height: Math.max(0, box[4] - box[2]), ...attributes });
  truths.forEach((t, g) => {
    const color = matched ? (matched.missed[g] ? 'var(--warn)' : '#ffffff') : classColor(t[0]);
    if (!matched) marks.append(rect(t, { class: 'halo' }));
    marks.append(rect(t, { class: 'truth', stroke: color, onmousemove: e => showTip(e, `truth: ${className(t[0])}`, matched && matched.missed[g] ? [[null, 'missed', '']] : []), onmouseleave: hideTip }));
    if (o.tagTruths) tags.push([t, className(t[0]), classColor(t[0]), classInk(t[0])]);
  });
  [...found.keys()].reverse().forEach(i => {
    const d = found[i], color = matched ? { right: '#3ddc84', wrong: '#ff5a4d', ignored: '#9aa3b2' }[matched.outcome[i]] : classColor(d[0]);
    marks.append(rect(d, { class: 'found' + (matched && matched.outcome[i] === 'wrong' ? ' wrong' : ''), stroke: color,
      onmousemove: e => showTip(e, className(d[0]), [[classColor(d[0]), 'score', share(d[1] / 1000)],
        [null, 'best IoU', share(Math.max(0, ...truths.map(t => iouOf(d, t))))]]), onmouseleave: hideTip }));
    if (o.tags !== false) tags.push([d, `${className(d[0])} ${(d[1] / 1000).toFixed(2)}`, color, matched ? '#111111' : classInk(d[0])]);
  });
  const image = el('img', { alt: picture.key, width: picture.w, height: picture.h });
  image.src = picture.src;
  return el('div', { class: 'photo' }, image, marks, tags.map(([box, text, color, ink]) => el('span', {
    class: 'tag' + (box[2] < 500 ? ' inside' : ''),
    style: { ...(box[3] > 5500 ? { right: `${Math.max(0, 100 - box[5] / 100)}%` } : { left: `${Math.max(0, box[3] / 100)}%` }), top: `${Math.min(97, Math.max(0, box[2] / 100))}%`, background: color, color: ink } }, text)),
    o.title ? el('span', { class: 'title' }, o.title) : null);
}

// What is drawn of a picture's detections: those of a score; of a classifier, what it said.
const shownOf = (found, score) => wholePicture ? found.slice(0, 1) : found.filter(d => d[1] >= 1000 * score - 0.5);
const scoreName = wholePicture ? 'probability of the truth' : 'F1';

const book = data.book;
const state = { page: book.pages.length - 1, picture: 0, threshold: Math.max(data.leastScore, data.confusion.score), sort: 'worst', colour: 'class',
  view: 'overlay', hidden: new Set(), playing: null };
const scoreHue = s => `hsl(${Math.round(8 + 132 * s)} 62% 38%)`;
const foundIn = (page, picture) => book.pages[page].p[picture];

function order() {
  const now = i => foundIn(state.page, i).s, before = i => foundIn(Math.max(0, state.page - 1), i).s;
  const keys = { worst: now, best: i => -now(i), gain: i => before(i) - now(i), loss: i => now(i) - before(i) };
  const indices = [...book.pictures.keys()];
  if (state.sort === 'name') return indices.sort((a, b) => book.pictures[a].key < book.pictures[b].key ? -1 : 1);
  return indices.sort((a, b) => keys[state.sort](a) - keys[state.sort](b) || a - b);
}

function drawSpark() {
  const W = 1000, H = 54, points = book.pages.map((page, i) => {
    const e = data.evaluations.find(e => e.step === page.step);
    const v = e && known(mainNumber(e)) ? mainNumber(e) : page.p.reduce((a, f) => a + f.s, 0) / Math.max(1, page.p.length);
    return [book.pages.length > 1 ? 8 + i / (book.pages.length - 1) * (W - 16) : W / 2, H - 7 - v * (H - 14), v];
  });
  const line = points.map(p => `${p[0].toFixed(1)} ${p[1].toFixed(1)}`).join('L');
  const at = points[state.page];
  byId('spark').replaceChildren(svg('svg', { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: 'none' },
    svg('path', { d: `M${points[0][0]} ${H}L${line}L${points[points.length - 1][0]} ${H}Z`, fill: 'var(--accent)', opacity: 0.13 }),
    svg('path', { d: `M${line}`, fill: 'none', stroke: 'var(--accent)', 'stroke-width': 2, 'vector-effect': 'non-scaling-stroke' }),
    svg('line', { x1: at[0], x2: at[0], y1: 0, y2: H, stroke: 'var(--ink)', 'stroke-width': 1.5, 'vector-effect': 'non-scaling-stroke' })));
}

function drawScatter() {
  const S = 300, H = 190, pad = 30, previous = Math.max(0, state.page - 1);
  const px = v => pad + v * (S - pad - 12), py = v => H - pad + 4 - v * (H - pad - 12);
  const picture = svg('svg', { viewBox: `0 0 ${S} ${H}`, width: '100%' },
    svg('rect', { x: px(0), y: py(1), width: px(1) - px(0), height: py(0) - py(1), fill: 'var(--bg)', rx: 4 }),
    svg('line', { class: 'axis', x1: px(0), y1: py(0), x2: px(1), y2: py(1), 'stroke-dasharray': '4 4' }),
    [0, 1].flatMap(v => [svg('text', { x: px(v), y: H - 14, 'text-anchor': v ? 'end' : 'start' }, v), svg('text', { x: px(0) - 5, y: py(v) + (v ? 9 : 0), 'text-anchor': 'end' }, v)]),
    svg('text', { x: px(0.5), y: H - 6, 'text-anchor': 'middle' }, `${scoreName} of each picture, one snapshot before`),
    svg('text', { x: 12, y: py(0.5), 'text-anchor': 'middle', transform: `rotate(-90 12 ${py(0.5)})` }, `${wholePicture ? 'probability' : 'F1'} now`),
    [...book.pictures.keys()].map(i => {
      const now = foundIn(state.page, i).s, before = foundIn(previous, i).s, on = i === state.picture;
      return svg('circle', { cx: px(before), cy: py(now), r: on ? 7 : 5, fill: scoreHue(now), stroke: on ? 'var(--ink)' : 'var(--card)', 'stroke-width': on ? 2.2 : 1,
        opacity: 0.9, style: { cursor: 'pointer' }, onclick: () => { state.picture = i; turn(); },
        onmousemove: e => showTip(e, book.pictures[i].key, [[null, 'now', share(now)], [null, 'before', share(before)]]), onmouseleave: hideTip });
    }));
  byId('scatter').replaceChildren(picture);
}

function drawStage() {
  const picture = book.pictures[state.picture], found = foundIn(state.page, state.picture);
  const truths = picture.truths.filter(t => !state.hidden.has(t[0]));
  const kept = shownOf(found.d, state.threshold).filter(d => !state.hidden.has(d[0]));
  const o = { outcome: state.colour === 'outcome', tags: kept.length <= 40 };
  const shots = { overlay: () => [photo(picture, truths, kept, o)], prediction: () => [photo(picture, [], kept, o)],
    truth: () => [photo(picture, truths, [], { tagTruths: true })],
    side: () => [photo(picture, truths, [], { tagTruths: true, title: 'truth' }), photo(picture, [], kept, { tags: o.tags, title: 'prediction' })] };
  const fit = Math.min(picture.w * Math.max(1, 900 / Math.max(picture.w, picture.h)), 560 * picture.w / picture.h);
  byId('stage').style.setProperty('--fit', `${Math.round(fit)}px`);
  byId('stage').replaceChildren(...shots[state.view]());
  if (wholePicture) {
    const is = truths.map(t => className(t[0])).join(), right = found.d.length && truths.length && found.d[0][0] === truths[0][0];
    byId('stage-name').replaceChildren(el('b', {}, picture.key), `  ${picture.training ? '(training picture)' : ''} — is ${is}, said: `,
      ...found.d.map((d, i) => el('span', { class: i ? null : right ? 'right' : 'wrong' }, `${i ? ', ' : ''}${className(d[0])} ${(d[1] / 1000).toFixed(3)}`)));
    return;
  }
  const { outcome, missed } = matchBoxes(truths, kept, data.confusion.iou);
  const right = outcome.filter(v => v === 'right').length, wrong = outcome.filter(v => v === 'wrong').length, gone = missed.filter(v => v).length;
  byId('stage-name').replaceChildren(el('b', {}, picture.key), `  ${picture.training ? '(training picture)' : ''} — `,
    el('span', { class: 'right' }, `${right} right`), ', ', el('span', { class: 'wrong' }, `${wrong} wrong`), ', ',
    el('span', { class: 'missed' }, `${gone} missed`), ` — F1 ${share(right + wrong + gone ? 2 * right / (2 * right + wrong + gone) : 1)}`);
}

function drawThumbs() {
  const chosen = order();
  byId('thumbs').replaceChildren(...chosen.map(i => {
    const s = foundIn(state.page, i).s, image = thumbnails[i];
    return el('button', { type: 'button', class: i === state.picture ? 'on' : null, title: book.pictures[i].key, onclick: () => { state.picture = i; turn(); } },
      image, book.pictures[i].training ? el('span', { class: 'train' }, 'training') : null,
      el('span', { class: 'score', style: { '--hue': scoreHue(s) } }, s.toFixed(2)));
  }));
}

function turn() {
  const page = book.pages[state.page], e = data.evaluations.find(e => e.step === page.step);
  byId('page').value = state.page;
  byId('threshold').value = state.threshold;
  byId('threshold-name').textContent = state.threshold.toFixed(2);
  byId('page-name').replaceChildren(el('b', {}, `step ${whole(page.step)}`), `page ${state.page + 1} of ${book.pages.length}`, ...(e ? [el('br'), `${mainName} ${percent(mainNumber(e))} %`] : []));
  for (const name of ['sort', 'colour', 'view']) byId(name).value = state[name];
  drawSpark();
  drawScatter();
  drawStage();
  drawThumbs();
  remember();
}

// The place in the book is kept in the address, so that a reload or a link leads back to it.
function remember() {
  const parts = { picture: state.picture, t: state.threshold, sort: state.sort, colour: state.colour, view: state.view };
  if (state.page !== book.pages.length - 1) parts.page = state.page;
  if (byId('follow').checked) parts.follow = 1;
  history.replaceState(null, '', '#' + new URLSearchParams(parts));
}
function recall() {
  const said = new URLSearchParams(location.hash.slice(1));
  const whole = (name, below) => said.has(name) && +said.get(name) >= 0 && +said.get(name) < below ? Math.floor(+said.get(name)) : null;
  state.page = whole('page', book.pages.length) ?? state.page;
  state.picture = whole('picture', book.pictures.length) ?? (order()[0] || 0);
  if (said.has('t') && +said.get('t') >= 0 && +said.get('t') <= 1) state.threshold = +said.get('t');
  for (const name of ['sort', 'colour', 'view'])
    if ([...byId(name).options].some(option => option.value === said.get(name))) state[name] = said.get(name);
  byId('follow').checked = said.has('follow') && !data.finished;
}

const thumbnails = book.pictures.map(picture => {
  const image = el('img', { alt: picture.key, loading: 'lazy' });
  image.src = picture.src;
  return image;
});

function flipBook() {
  if (!book.pages.length || !book.pictures.length) return;
  byId('book').hidden = false;
  // Nothing to choose where one label is said of all of a picture.
  if (wholePicture) for (const name of ['threshold', 'view', 'chips']) (byId(name).closest('label') || byId(name)).hidden = true;
  byId('page').max = book.pages.length - 1;
  byId('page').addEventListener('input', () => { state.page = +byId('page').value; turn(); });
  byId('threshold').addEventListener('input', () => { state.threshold = +byId('threshold').value; turn(); });
  for (const name of ['sort', 'colour', 'view']) byId(name).addEventListener('change', () => {
    state[name] = byId(name).value;
    if (name === 'sort') state.picture = order()[0];
    turn();
  });
  if (data.classes.length > 1) byId('chips').append(...data.classes.map((c, i) => {
    const chip = el('button', { type: 'button', title: 'show or hide; double click: only this', onclick: () => {
      if (!state.hidden.delete(i + 1)) state.hidden.add(i + 1);
      chips();
    }, ondblclick: () => {
      state.hidden = new Set(data.classes.map((_, k) => k + 1).filter(k => k !== i + 1));
      chips();
    } }, swatch(c.color), c.name);
    return chip;
  }));
  const chips = () => { [...byId('chips').children].forEach((chip, i) => chip.classList.toggle('off', state.hidden.has(i + 1))); turn(); };
  const step = by => { state.page = (state.page + by + book.pages.length) % book.pages.length; turn(); };
  const play = () => {
    state.playing = state.playing ? clearInterval(state.playing) : setInterval(() => step(1), 700);
    byId('play').textContent = state.playing ? '❚❚' : '▶';
  };
  byId('play').addEventListener('click', play);
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || ['SELECT', 'INPUT'].includes(event.target.tagName) && event.target.id !== 'page') return;
    const list = order(), at = list.indexOf(state.picture);
    const act = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), ' ': play,
      ArrowUp: () => { state.picture = list[(at + list.length - 1) % list.length]; turn(); },
      ArrowDown: () => { state.picture = list[(at + 1) % list.length]; turn(); } }[event.key];
    const box = byId('book').getBoundingClientRect();
    if (!act || box.bottom < 0 || box.top > innerHeight || event.key === ' ' && event.target.tagName === 'BUTTON') return;
    event.preventDefault();
    act();
  });
  recall();
  turn();
}

headline();
flipBook();
training();
quality();
galleries();
config();
byId('follow-label').hidden = data.finished;
byId('follow').addEventListener('change', () => { if (book.pages.length) remember(); });
setInterval(() => { if (byId('follow').checked) location.reload(); }, 20000);
byId('nav').append(...[...document.querySelectorAll('main section[id]')].filter(s => !s.hidden && s.querySelector('h2')).map(s =>
  el('a', { href: `#${s.id}`, onclick: event => { event.preventDefault(); s.scrollIntoView({ behavior: 'smooth' }); } }, s.querySelector('h2').textContent)));
)page";

}  // namespace ocelli::train::detail
