// The report's page: its HTML, in the order in which it is written around style, data and scripts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "ocelli/train/report_charts.hpp"
#include "ocelli/train/report_flipbook.hpp"
#include "ocelli/train/report_overview.hpp"
#include "ocelli/train/report_style.hpp"

namespace ocelli::train::detail {

inline constexpr std::string_view kReportHead = R"page(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="ocelli">
<title>ocelli report</title>
<link rel="icon" href="data:,">
<style>
)page";

inline constexpr std::array<std::string_view, 2> kReportStyle = {kStylePage, kStyleFlipBook};

inline constexpr std::string_view kReportBody = R"page(</style>
</head>
<body>
<header class="top">
  <div class="brand"><svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
    <rect x="1.5" y="1.5" width="29" height="29" rx="8" fill="none" stroke="currentColor" stroke-width="2"
      stroke-dasharray="9 5"/><circle cx="16" cy="16" r="8" fill="var(--accent)"/>
    <circle cx="16" cy="16" r="3.2" fill="var(--card)"/></svg></div>
  <div class="names"><h1 id="title"></h1><p id="subtitle"></p></div>
  <div class="actions">
    <label class="follow" id="follow-label" hidden><input type="checkbox" id="follow"> follow the training</label>
    <button id="theme" type="button" title="light or dark">&#9680;</button>
  </div>
</header>
<nav id="nav"></nav>
<main>
<section id="headline" class="cards"></section>
<section id="book" hidden>
  <h2>Flip Book</h2>
  <p class="note">The same pictures at every snapshot. Turn the pages with the slider or the
    <kbd>&larr;</kbd> <kbd>&rarr;</kbd> keys, choose a picture with <kbd>&uarr;</kbd> <kbd>&darr;</kbd>,
    play with <kbd>space</kbd>.</p>
  <div class="book card">
    <div class="turner">
      <button id="play" type="button" title="play (space)">&#9654;</button>
      <div class="timeline"><div id="spark"></div>
        <input id="page" type="range" min="0" value="0" step="1" aria-label="snapshot"></div>
      <output id="page-name"></output>
    </div>
    <div class="controls">
      <label>score &ge; <input id="threshold" type="range" min="0" max="1" step="0.01"><output id="threshold-name"></output></label>
      <label>sort <select id="sort"><option value="worst">worst first</option><option value="best">best first</option>
        <option value="gain">most improved</option><option value="loss">most worsened</option>
        <option value="name">by name</option></select></label>
      <label>colour <select id="colour"><option value="class">by class</option><option value="outcome">right or wrong</option></select></label>
      <label>view <select id="view"><option value="overlay">truth and prediction</option><option value="side">side by side</option>
        <option value="prediction">prediction</option><option value="truth">truth</option></select></label>
      <div id="chips" class="chips"></div>
    </div>
    <div class="spread">
      <div class="stage"><div id="stage"></div><p id="stage-name" class="caption"></p></div>
      <aside><div id="scatter"></div><div id="thumbs" class="thumbs"></div></aside>
    </div>
  </div>
</section>
<section id="training" hidden><h2>Training</h2><div class="grid" id="training-charts"></div></section>
<section id="quality" hidden><h2>Quality</h2><div class="grid" id="quality-charts"></div></section>
<div id="galleries"></div>
<section id="config" hidden><h2>Configuration</h2><div class="card"><table class="config" id="config-table"></table></div></section>
</main>
<div id="tip" role="tooltip" hidden></div>
<noscript><p class="card">This page draws its charts with JavaScript, which is switched off.</p></noscript>
<script type="application/json" id="data">)page";

inline constexpr std::string_view kReportDataEnd = R"page(</script>
<script>
'use strict';
)page";

inline constexpr std::array<std::string_view, 3> kReportScripts = {
    kScriptCharts, kScriptOverview, kScriptFlipBook};

inline constexpr std::string_view kReportEnd = R"page(</script>
</body>
</html>
)page";

}  // namespace ocelli::train::detail
