"""Training steps of SSD-MobileNetV2 300 x 300, 90 classes, in PyTorch on the GPU: a line of JSON for
each way of running it, to be read beside gpu_bench's.

Usage: train_step.py [--batch 24,128] [--steps 50] [--ways eager,channels_last,...]

Forward with batch statistics, loss, backward, RMSprop with momentum and weight decay; pictures come
from the host's pinned memory in each step. The loss is simpler than ocelli's: smooth L1 over anchors
that are matched once before the measuring, and sigmoid cross-entropy over all anchors. Matching and
hard negative mining, which ocelli does in every step, are left out in PyTorch's favour, and the loss
is not fetched between steps.

The ways: eager (float32, contiguous), eager tf32, channels_last (tf32), and in bf16 by autocast with
channels_last: eager, and torch.compile in its default mode and with CUDA graphs ("reduce-overhead").
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import json
import os
import sys
import time

import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers"))
from ssd_torch import Ssd  # noqa: E402

ANCHORS = 1917
# name -> precision, channels_last, tf32, autocast, compile mode (None: eager)
WAYS = {
    "torch eager": ("float32", False, False, False, None),
    "torch eager tf32": ("tf32", False, True, False, None),
    "torch channels_last tf32": ("tf32", True, True, False, None),
    "torch channels_last autocast": ("bf16", True, True, True, None),
    "torch.compile": ("bf16", True, True, True, "default"),
    "torch.compile reduce-overhead": ("bf16", True, True, True, "reduce-overhead"),
}


def images_per_second(batch, steps, channels_last, tf32, autocast, mode):
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(1)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    net = Ssd(90).cuda().to(memory_format=layout).train()
    optimizer = torch.optim.RMSprop(
        net.parameters(), lr=0.004, alpha=0.9, eps=1.0, momentum=0.9, weight_decay=4e-5)
    pictures = torch.rand(batch, 3, 300, 300).mul_(2).sub_(1).contiguous(
        memory_format=layout).pin_memory()
    matched = torch.arange(0, ANCHORS, 100, device="cuda")  # 20 anchors a picture
    targets = torch.zeros(batch, ANCHORS, net.columns, device="cuda")
    targets[:, :, 0] = 1
    targets[:, matched, 0] = 0
    targets[:, matched, 1] = 1
    codes = torch.rand(batch, len(matched), 4, device="cuda")
    count = batch * len(matched)

    def loss_of(images):
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=autocast):
            box, logits = net(images)
        box, logits = box.float(), logits.float()
        loss = F.smooth_l1_loss(box[:, matched], codes, reduction="sum")
        loss = loss + F.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
        return loss / count

    run = loss_of if mode is None else torch.compile(loss_of, mode=mode)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = run(pictures.to("cuda", non_blocking=True))
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(10):  # compiles, and chooses algorithms
        loss = step()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(steps):
        loss = step()
    torch.cuda.synchronize()
    taken = time.perf_counter() - start
    if not torch.isfinite(loss).item():
        raise RuntimeError("the loss is not finite")
    return batch * steps / taken


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", default="24,128")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--ways", default=",".join(WAYS))
    arguments = parser.parse_args()
    for batch in (int(b) for b in arguments.batch.split(",")):
        for way in arguments.ways.split(","):
            precision, *how = WAYS[way]
            try:
                rate = images_per_second(batch, arguments.steps, *how)
            except Exception as error:  # one way that this PyTorch lacks does not end the others
                why = str(error).split("\n")[0][:200]
                print(json.dumps({"kind": "absent", "by": way, "why": why}), flush=True)
                continue
            print(json.dumps({
                "kind": "train", "batch": batch, "precision": precision,
                "by": way + " " + torch.__version__, "images_per_second": round(rate, 1)
            }), flush=True)
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
