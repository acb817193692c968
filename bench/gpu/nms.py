"""torchvision's batched_nms on boxes made as gpu_bench makes them: a line of JSON each.

Usage: nms.py

24 pictures of 1917 boxes in 90 classes: scores above 0.01 of each class, all pictures and classes in
one call, told apart by an index, as torchvision's own detectors do it for a picture; and 20,000 boxes
of one class. Choosing the scores and the best of each picture, which ocelli's time holds, is left out.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import statistics

import torch
import torchvision
from torchvision.ops import batched_nms


def boxes_of(count):
    corner = torch.rand(count, 2, device="cuda") * 0.8
    return torch.cat([corner, corner + 0.02 + 0.38 * torch.rand(count, 2, device="cuda")], 1)


def measure(shape, boxes, scores, index):
    start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    times = []
    for i in range(23):
        start.record()
        batched_nms(boxes, scores, index, 0.6)
        stop.record()
        torch.cuda.synchronize()
        if i >= 3:
            times.append(start.elapsed_time(stop))
    print(json.dumps({
        "kind": "nms", "shape": shape, "by": "torchvision " + torchvision.__version__,
        "ms": statistics.median(times), "low": min(times), "high": max(times)
    }), flush=True)


def main():
    torch.manual_seed(1)
    pictures, rows, classes = 24, 1917, 90
    boxes = boxes_of(pictures * rows)
    scores = torch.rand(pictures * rows, classes, device="cuda") ** 2
    row, label = torch.where(scores > 0.01)
    measure(
        f"{pictures} x {rows} x {classes}", boxes[row], scores[row, label],
        row // rows * classes + label)
    boxes = boxes_of(20000)
    scores = torch.rand(20000, device="cuda") ** 2
    measure("1 x 20000 x 1", boxes, scores, torch.zeros(20000, dtype=torch.long, device="cuda"))


if __name__ == "__main__":
    main()
