"""Whole training steps of SSD-MobileNetV2 300 x 300, 90 classes, in PyTorch: images per second and
memory, to be read beside train_step.cpp's.

Usage: train_step.py THREADS BATCH STEPS [--layout channels_last|contiguous]

Forward with batch statistics, loss, backward, RMSprop with momentum and weight decay. The loss is
simpler than ocelli's: smooth L1 over anchors that are matched once before the measuring, and sigmoid
cross-entropy over all anchors. Matching and hard negative mining, which ocelli does in every step,
would be slow in Python, and are left out in PyTorch's favour.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import json
import os
import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True
from ssd_torch import Ssd  # noqa: E402


def rss_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    for name in ("threads", "batch", "steps"):
        parser.add_argument(name, type=int)
    parser.add_argument("--layout", choices=("channels_last", "contiguous"),
                        default="channels_last")
    arguments = parser.parse_args()
    base = rss_mib()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    layout = {
        "channels_last": torch.channels_last, "contiguous": torch.contiguous_format
    }[arguments.layout]
    net = Ssd(90).to(memory_format=layout).train()
    images = torch.rand(arguments.batch, 3, 300, 300).mul_(2).sub_(1).contiguous(
        memory_format=layout)
    optimizer = torch.optim.RMSprop(
        net.parameters(), lr=0.004, alpha=0.9, eps=1.0, momentum=0.9, weight_decay=4e-5)
    anchors = 1917
    matched = torch.arange(0, anchors, 100)  # 20 anchors a picture
    targets = torch.zeros(arguments.batch, anchors, net.columns)
    targets[:, :, 0] = 1
    targets[:, matched, 0] = 0
    targets[:, matched, 1] = 1
    codes = torch.rand(arguments.batch, len(matched), 4)
    count = arguments.batch * len(matched)

    def step():
        optimizer.zero_grad(set_to_none=True)
        box, logits = net(images)
        loss = F.smooth_l1_loss(box[:, matched], codes, reduction="sum")
        loss = (loss + F.binary_cross_entropy_with_logits(logits, targets, reduction="sum")) / count
        loss.backward()
        optimizer.step()
        return loss.item()

    step()
    times = []
    for _ in range(arguments.steps):
        start = time.perf_counter()
        loss = step()
        times.append(time.perf_counter() - start)
    print(json.dumps({
        "program": "torch " + torch.__version__, "threads": arguments.threads,
        "batch": arguments.batch, "steps": arguments.steps, "layout": arguments.layout,
        "wait": os.environ.get("OMP_WAIT_POLICY", ""),
        "parameters": sum(p.numel() for p in net.parameters()),
        "images_per_second": round(arguments.batch / statistics.median(times), 3),
        "images_per_second_best": round(arguments.batch / min(times), 3),
        "peak_rss_mib": round(rss_mib(), 1), "rss_before_mib": round(base, 1),
        "loss": round(loss, 4)
    }))


if __name__ == "__main__":
    main()
