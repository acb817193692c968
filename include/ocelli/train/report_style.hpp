// The report's style sheet.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace ocelli::train::detail {

inline constexpr std::string_view kStylePage = R"page(
:root { --bg: #f4f5f7; --card: #ffffff; --ink: #1c2230; --soft: #626b7d; --line: #dfe3ea; --grid: #eceff4;
  --accent: #3d6df2; --good: #1f9d61; --bad: #d9483b; --warn: #d18a00; --stage: #11141b;
  --c1: #3d6df2; --c2: #e2574c; --c3: #23a36c; --c4: #d99412; --c5: #8e5bd6; --c6: #16a3b3;
  --shadow: 0 1px 2px rgba(20, 28, 45, .06), 0 4px 16px rgba(20, 28, 45, .05); }
:root[data-theme=dark] { --bg: #12151c; --card: #1a1f29; --ink: #e6e9f0; --soft: #98a2b5; --line: #2c3341; --grid: #252b38;
  --accent: #7397ff; --good: #4cc98c; --bad: #f0776c; --warn: #e8b04a; --stage: #0b0d12;
  --c1: #7397ff; --c2: #f0776c; --c3: #4cc98c; --c4: #e8b04a; --c5: #b58cf0; --c6: #4cc5d3; --shadow: none; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", "DejaVu Sans", sans-serif; }
h1 { font-size: 21px; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 18px; margin: 34px 0 6px; letter-spacing: -.01em; }
h3 { font-size: 14px; margin: 0 0 2px; }
p { margin: 0; }
.note, .caption { color: var(--soft); font-size: 13px; margin-bottom: 10px; overflow-wrap: anywhere; }
kbd { border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 4px; padding: 0 5px; background: var(--card);
  font: 12px ui-monospace, "DejaVu Sans Mono", monospace; }
.top { display: flex; gap: 14px; align-items: center; max-width: 1360px; margin: 0 auto; padding: 20px 24px 6px; }
.brand { display: flex; color: var(--soft); }
.names { flex: 1; min-width: 0; }
.names p { color: var(--soft); font-size: 13px; overflow-wrap: anywhere; }
.actions { display: flex; gap: 12px; align-items: center; }
.follow { color: var(--soft); font-size: 13px; }
button, select { font: inherit; font-size: 13px; color: var(--ink); background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; padding: 4px 9px; cursor: pointer; }
button:hover, select:hover { border-color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
nav { max-width: 1360px; margin: 0 auto; padding: 0 24px; display: flex; flex-wrap: wrap; gap: 4px 16px; }
nav a { color: var(--soft); font-size: 13px; text-decoration: none; }
nav a:hover { color: var(--accent); }
main { max-width: 1360px; margin: 0 auto; padding: 8px 24px 60px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); padding: 16px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; margin-top: 10px; }
.figure { padding: 13px 16px; }
.figure .name { color: var(--soft); font-size: 12.5px; }
.figure .value { font-size: 26px; font-weight: 650; letter-spacing: -.02em; line-height: 1.25; }
.figure .more { color: var(--soft); font-size: 12px; }
.meter { height: 4px; border-radius: 2px; background: var(--grid); margin: 5px 0 4px; overflow: hidden; }
.meter i { display: block; height: 100%; border-radius: 2px; background: var(--accent); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 430px), 1fr)); gap: 14px; }
.wide { grid-column: 1 / -1; }
.scroll { overflow: auto; max-height: 560px; }
.grid .card > div > svg { display: block; max-width: 760px; margin: 0 auto; }
svg text { fill: var(--soft); font-size: 11px; }
.axis { stroke: var(--line); } .rule { stroke: var(--grid); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 12px; margin: 4px 0 0 8px; font-size: 12.5px; max-height: 86px; overflow: auto; }
.legend button { border: 0; padding: 0; background: none; display: flex; align-items: center; gap: 5px; color: var(--ink); }
.legend button.off { opacity: .4; text-decoration: line-through; }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 3px; flex: none; }
#tip { position: fixed; pointer-events: none; z-index: 10; background: var(--ink); color: var(--bg); border-radius: 8px;
  padding: 7px 10px; font-size: 12px; line-height: 1.45; max-width: 320px; box-shadow: 0 4px 18px rgba(0, 0, 0, .25); }
#tip .row { display: flex; gap: 7px; align-items: center; } #tip .row b { margin-left: auto; padding-left: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th { text-align: right; color: var(--soft); font-weight: 500; padding: 5px 8px; border-bottom: 1px solid var(--line);
  white-space: nowrap; position: sticky; top: 0; background: var(--card); }
td { text-align: right; padding: 5px 8px; border-bottom: 1px solid var(--grid); }
th:first-child, td:first-child { text-align: left; }
th.sortable { cursor: pointer; } th.sortable:hover { color: var(--accent); }
tr:last-child td { border-bottom: 0; } .numbers th, .numbers td { text-align: right; } .numbers tr:last-child td { color: var(--soft); padding-top: 0; }
.numbers tr:first-child td { font-size: 17px; font-weight: 600; border-bottom: 0; }
td .swatch { margin-right: 7px; vertical-align: -1px; }
.bar { position: relative; min-width: 72px; }
.bar i { position: absolute; left: 4px; right: 4px; bottom: 2px; height: 3px; border-radius: 2px; background: var(--grid); }
.bar i::after { content: ""; position: absolute; inset: 0 auto 0 0; width: var(--part); border-radius: 2px; background: var(--accent); }
.matrix td, .matrix th { text-align: center; border: 1px solid var(--card); padding: 5px 6px; min-width: 34px; }
.matrix th:first-child { text-align: right; position: sticky; left: 0; z-index: 1; max-width: 160px; overflow: hidden; text-overflow: ellipsis; }
.matrix thead th { max-width: 110px; overflow: hidden; text-overflow: ellipsis; }
.matrix { width: auto; } .matrix td { background: color-mix(in srgb, var(--hue, var(--accent)) var(--part, 0%), var(--grid)); }
.matrix td.strong { color: #fff; }
.config td:first-child { color: var(--soft); width: 34%; } .config td { text-align: left; overflow-wrap: anywhere;
  font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12.5px; vertical-align: top; }
@media (max-width: 700px) { main, .top, nav { padding-left: 12px; padding-right: 12px; } }
)page";

inline constexpr std::string_view kStyleFlipBook = R"page(
.turner { display: flex; align-items: flex-end; gap: 14px; }
#play { width: 38px; height: 38px; border-radius: 50%; padding: 0; font-size: 14px; flex: none; }
.timeline { flex: 1; min-width: 0; } .timeline svg { display: block; width: 100%; height: 54px; }
.timeline input { width: 100%; margin: 2px 0 0; display: block; }
input[type=range] { accent-color: var(--accent); }
#page-name { min-width: 136px; font-size: 13px; line-height: 1.35; font-variant-numeric: tabular-nums; }
#page-name b { font-size: 17px; display: block; }
.controls { display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center; margin: 14px 0 12px; font-size: 13px; color: var(--soft); }
.controls label { display: flex; gap: 7px; align-items: center; } #threshold { width: 120px; }
.controls output { min-width: 32px; color: var(--ink); font-variant-numeric: tabular-nums; }
.chips { display: flex; flex-wrap: wrap; gap: 6px; max-height: 66px; overflow: auto; }
.chips button { border-radius: 20px; padding: 2px 10px; display: flex; gap: 6px; align-items: center; font-size: 12.5px; }
.chips button.off { opacity: .42; } .chips .swatch { border-radius: 50%; }
.spread { display: grid; grid-template-columns: minmax(0, 1fr) 330px; gap: 16px; }
.stage { min-width: 0; } #stage { display: flex; gap: 8px; justify-content: center; background: var(--stage); border-radius: 10px; padding: 10px; }
.caption { margin: 8px 2px 0; }
.caption .right { color: var(--good); } .caption .wrong { color: var(--bad); } .caption .missed { color: var(--warn); }
.photo { position: relative; overflow: hidden; border-radius: 6px; flex: 0 1 auto; line-height: 0; background: #000; }
#stage .photo { width: var(--fit); max-width: 100%; min-width: 0; }
.photo img { width: 100%; height: auto; display: block; }
.photo svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: hidden; }
.photo .title { position: absolute; left: 6px; bottom: 6px; padding: 1px 7px; border-radius: 5px; background: rgba(0, 0, 0, .62);
  color: #fff; font-size: 11px; line-height: 1.5; }
.photo .tag { position: absolute; line-height: 1.25; font-size: 11px; font-weight: 600; padding: 1px 4px; border-radius: 3px 3px 3px 0;
  white-space: nowrap; transform: translateY(-100%); pointer-events: none; }
.photo .tag.inside { transform: none; }
.photo rect { fill: transparent; vector-effect: non-scaling-stroke; stroke-width: 2.2; }
.photo rect.truth { stroke-width: 1.8; stroke-dasharray: 5 4; } .photo rect.halo { stroke: #fff; stroke-width: 1.8; opacity: .85; }
.photo rect.wrong { stroke-width: 2.8; }
#scatter svg { display: block; max-width: 360px; margin: 0 auto; }
aside { min-width: 0; display: flex; flex-direction: column; gap: 12px; }
.thumbs { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); grid-auto-rows: 80px; gap: 7px; overflow: auto; max-height: 420px; align-content: start; padding: 2px; }
.thumbs button { position: relative; padding: 0; border: 2px solid transparent; border-radius: 8px; overflow: hidden; height: 80px; background: #000 padding-box; }
.thumbs button.on { border-color: var(--accent); } .thumbs img { width: 100%; height: 100%; object-fit: cover; display: block; }
.thumbs .score { position: absolute; right: 3px; bottom: 3px; border-radius: 4px; padding: 0 5px; font-size: 11px; line-height: 1.5;
  font-weight: 650; color: #fff; background: var(--hue); font-variant-numeric: tabular-nums; }
.thumbs .train { position: absolute; left: 3px; top: 3px; border-radius: 4px; padding: 0 5px; font-size: 10px; line-height: 1.5; color: #fff;
  background: rgba(0, 0, 0, .6); }
.row-of-pictures { display: flex; flex-wrap: wrap; gap: 14px; }
.row-of-pictures figure { margin: 0; width: max(130px, 200px * var(--ratio)); max-width: 100%; }
.row-of-pictures .photo { width: min(100%, 200px * var(--ratio)); }
.row-of-pictures figcaption { font-size: 12px; color: var(--soft); margin-top: 4px; overflow-wrap: anywhere; line-height: 1.4; }
.row-of-pictures figcaption b { color: var(--ink); }
@media (max-width: 900px) { .spread { grid-template-columns: minmax(0, 1fr); } .turner { flex-wrap: wrap; } }
)page";

}  // namespace ocelli::train::detail
