// Forward of the same net in ONNX Runtime, one picture, to be read beside inference.cpp's.
// Usage: node inference.mjs MODULES FILE.onnx THREADS RUNS   (MODULES: where onnxruntime-node is)
// SPDX-License-Identifier: Apache-2.0
import { createRequire } from "node:module";
import path from "node:path";

const [modules, file, threads, runs] = process.argv.slice(2);
if (runs === undefined) {
  console.error("usage: node inference.mjs MODULES FILE.onnx THREADS RUNS");
  process.exit(2);
}
const onnx = createRequire(path.resolve(modules) + "/")("onnxruntime-node");
const session = await onnx.InferenceSession.create(file, {
  executionProviders: ["cpu"],
  graphOptimizationLevel: "all",
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
});
const values = Float32Array.from({ length: 3 * 300 * 300 }, () => Math.random() * 2 - 1);
const image = new onnx.Tensor("float32", values, [1, 3, 300, 300]);
for (let i = 0; i < 5; ++i) await session.run({ image });
const times = [];
for (let i = 0; i < Number(runs); ++i) {
  const start = performance.now();
  await session.run({ image });
  times.push(performance.now() - start);
}
times.sort((a, b) => a - b);
const half = times.length >> 1;
const median = times.length % 2 ? times[half] : (times[half - 1] + times[half]) / 2;
console.log(JSON.stringify({
  program: "onnxruntime " + onnx.env.versions.node,
  threads: Number(threads),
  batch: 1,
  runs: times.length,
  ms: Number(median.toFixed(3)),
  ms_best: Number(times[0].toFixed(3)),
  peak_rss_mib: Number((process.resourceUsage().maxRSS / 1024).toFixed(1)),
}));
