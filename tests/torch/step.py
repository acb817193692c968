"""One training step of each SSD against PyTorch: loss, outputs, every gradient, the update.

Usage: step.py [PROGRAM] [--markdown FILE]

PROGRAM is `ocelli` (default build/release/bin/ocelli). Each case runs `ocelli step` on a random
batch and does the same step in PyTorch, in float32 and in float64, from the definitions alone:
nets, anchors, matching, mining, losses, batch norm and optimizers are written here once more.
Prints, for each case and kind of tensor, the greatest of max|a - b| / max|b| over the tensors
(b: PyTorch's); exits with 1 when one is above the tolerance.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))
from kinks import avoid_kinks  # noqa: E402
from ssd import Settings, Step  # noqa: E402
from safetensors_io import read_safetensors, write_safetensors  # noqa: E402

TOLERANCE = 1e-4
SIZE = 300

# name, model, classes, hyperparameters, and whether the starting weights are the seed's own or have
# every batch norm, bias and moving statistic away from 1 and 0.
CASES = [
    ("v1, 3 classes", "ssd-mobilenet-v1", 3, {}, True),
    ("v2, 3 classes", "ssd-mobilenet-v2", 3, {}, True),
    ("lite, 3 classes", "ssdlite-mobilenet-v2", 3, {}, True),
    ("lite, 90 classes", "ssdlite-mobilenet-v2", 90, {}, True),
    ("v2, initial weights", "ssd-mobilenet-v2", 3, {}, False),
    (
        "lite, all settings",
        "ssdlite-mobilenet-v2",
        3,
        {  # so that weights and statistics move by as much as they are
            "initial_learning_rate": 1.0,
            "momentum_decay": 0.5,
            "batchnorm_decay": 0.7,
            "first_stage_batchnorm_decay": 0.6,
            "second_stage_batchnorm_decay": 0.5,
            "weight_decay": 1e-3,
            "first_stage_regularizer_weight": 2e-3,
            "second_stage_regularizer_weight": 3e-3,
            "matched_threshold": 0.45,
            "unmatched_threshold": 0.3,
            "second_stage_localization_loss_weight": 2.0,
            "second_stage_classification_loss_weight": 0.5,
            "num_hard_examples": 1000,
            "hard_example_iou_threshold": 0.6,
            "max_negatives_per_positive": 1.5,
            "min_negatives_per_image": 5,
        },
        True,
    ),
    (
        "v1, sgd, clipped",
        "ssd-mobilenet-v1",
        3,
        {"optimizer": "sgd", "initial_learning_rate": 0.5, "gradient_clipping_by_norm": 1.0},
        True,
    ),
]


def random_batch(classes, seed):
    """Four pictures of smooth colours with noise; the second has no boxes."""
    random = np.random.default_rng(seed)
    coarse = torch.tensor(random.uniform(-1, 1, (4, 3, 9, 9)))
    smooth = torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bicubic")
    noise = random.normal(0, 0.2, (4, 3, SIZE, SIZE))
    images = np.clip(smooth.numpy() + noise, -1, 1).transpose(0, 2, 3, 1)
    counts, capacity = [6, 0, 3, 1], 8
    boxes = np.zeros((4, capacity, 4), np.float32)
    labels = np.zeros((4, capacity), np.int32)
    for n, count in enumerate(counts):
        for row in range(count):
            height, width = random.uniform(0.08, 0.7, 2)
            y, x = random.uniform(0, 1 - height), random.uniform(0, 1 - width)
            boxes[n, row] = [y, x, y + height, x + width]
            labels[n, row] = random.integers(1, classes + 1)
    boxes[2, 0], labels[2, 0] = [0.02, 0.04, 0.97, 0.99], 1  # for the last map's anchors
    # Two that want the same anchor, of different labels. Their sizes differ: an anchor that holds two
    # boxes of one size has the same IoU with both, and rounding would choose.
    labels[0, :2] = [1, 2]
    boxes[0, 1] = boxes[0, 0] + np.array([0.004, -0.003, 0.011, 0.007], np.float32)
    return {
        "images": np.ascontiguousarray(images, np.float32), "boxes": boxes, "labels": labels
    }


def perturbed(weights, seed):
    """The weights with every batch norm, bias and statistic away from where it starts."""
    random = np.random.default_rng(seed)
    ranges = {
        "gamma": (0.5, 1), "beta": (0, 2), "bias": (-0.2, 0.2),
        "moving_mean": (-0.5, 0.5), "moving_variance": (0.5, 2.0)
    }
    out = {}
    for name, value in weights.items():
        low_high = ranges.get(name.rsplit("/", 1)[1])
        out[name] = value if low_high is None else random.uniform(
            *low_high, value.shape).astype(np.float32)
    return out


def run_program(program, arguments):
    done = subprocess.run([program, "step", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{program} step {' '.join(arguments)}\n{done.stderr}")


def distance(a, b):
    """max|a - b| / max|b|."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        sys.exit(f"shapes differ: {a.shape} and {b.shape}")
    if not np.isfinite(a).all():
        return math.inf
    top = np.abs(b).max(initial=0)
    return float(np.abs(a - b).max(initial=0) / max(top, 1e-30))


def run_case(program, folder, case, seed):
    """ocelli's tensors, PyTorch's steps in float32 and float64, what they started from, and how far
    every value is from a kink at least (0: not looked at)."""
    _, model, classes, hyperparameters, perturb = case
    margin = 0.0
    batch = random_batch(classes, seed)
    write_safetensors(folder / "batch.safetensors", batch)
    flags = ["--model", model, "--classes", str(classes), "--seed", str(seed)]
    flags += ["--batch", str(folder / "batch.safetensors")]
    flags += ["--out", str(folder / "step.safetensors")]
    for key, value in hyperparameters.items():
        flags += ["--set", f"{key}={value}"]
    run_program(program, flags)
    ours = read_safetensors(folder / "step.safetensors")
    start = {k[len("init/"):]: v for k, v in ours.items() if k.startswith("init/")}
    if perturb:
        start = perturbed(start, seed + 1)
        start, margin = avoid_kinks(Settings(model, classes), start, batch["images"])
        write_safetensors(folder / "weights.safetensors", start)
        run_program(program, flags + ["--weights", str(folder / "weights.safetensors")])
        ours = read_safetensors(folder / "step.safetensors")
    ours = {k: v for k, v in ours.items() if not k.startswith("init/")}
    settings = Settings(model, classes, **hyperparameters)
    steps = [Step(settings, start, batch, dtype) for dtype in (torch.float32, torch.float64)]
    return ours, steps, start, margin


class Table:
    """Rows by kind: number of tensors, the greatest distances, the farthest tensor; and faults."""

    def __init__(self):
        self.rows, self.faults = {}, []

    def note(self, kind, name, distances, limit=TOLERANCE):
        """distances: ocelli to torch32, ocelli to torch64, torch32 to torch64."""
        row = self.rows.setdefault(kind, [0, 0.0, 0.0, 0.0, ""])
        row[0] += 1
        if distances[0] >= row[1]:
            row[4] = name
        for i, value in enumerate(distances):
            row[1 + i] = max(row[1 + i], value)
        if not distances[0] <= limit:
            self.faults.append(
                f"{name}: {distances[0]:.2e} from float32, {distances[1]:.2e} from float64, "
                f"float32 itself {distances[2]:.2e}")


def three(a, b, c):
    return [distance(a, b), distance(a, c), distance(b, c)]


def compare(table, ours, steps, start):
    """Tensor by tensor."""
    torch32, torch64 = steps[0].tensors, steps[1].tensors
    for name in sorted(ours):
        a, b, c = ours[name], torch32[name], torch64[name]
        kind = name.split("/")[0]
        scale = steps[1].cancelling.get(name)
        if scale is not None:
            # Zero in exact arithmetic: what is left is rounding, measured by the sum's terms.
            table.note("grad that is 0", name, [
                float(np.abs(np.float64(x) - y).max() / scale) for x, y in ((a, b), (a, c), (b, c))
            ])
            continue
        table.note(kind, name, three(a, b, c))
        if kind in ("param", "stat"):
            # How far the step moved it, where that is far beyond the rounding of what it moved.
            before = np.float64(start[name.split("/", 1)[1]])
            moved = np.abs(c - before).max()
            rounding = 2.0**-24 * max(np.abs(before).max(), np.abs(c).max())
            if moved > 0 and rounding < 1e-5 * moved:
                table.note(f"{kind}, its change", name, three(a - before, b - before, c - before))


def compare_joined(table, ours, steps):
    """All tensors of a kind as one. Gradients and updated weights may be 10 times as far off as
    PyTorch's float32 from its float64: rounding decides on which side of ReLU6's kinks some values
    lie."""
    for kind in ("loss", "output/box", "output/class", "stat", "param", "grad"):
        names = sorted(name for name in ours if name == kind or name.startswith(kind + "/"))
        a, b, c = (
            np.concatenate([np.ravel(np.float64(tensors[name])) for name in names])
            for tensors in (ours, steps[0].tensors, steps[1].tensors))
        if kind == "grad":
            d = [float(np.linalg.norm(x - y) / np.linalg.norm(y)) for x, y in ((a, b), (a, c), (b, c))]
            table.note("grad, whole, 2-norm", kind, d, 10 * d[2])
        else:
            d = three(a, b, c)
            limit = max(TOLERANCE, 10 * d[2]) if kind == "param" else TOLERANCE
            table.note(f"{kind}, whole", kind, d, limit)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?", default="build/release/bin/ocelli")
    parser.add_argument("--markdown", help="write a table there too: ocelli - torch32 (torch32 - torch64)")
    parser.add_argument("--case", help="only the cases whose name contains this")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not pathlib.Path(arguments.program).exists():
        sys.exit(f"{arguments.program} is not there; `make build` makes it")
    columns = [
        "loss", "output", "grad", "grad that is 0", "param", "param, its change", "stat",
        "stat, its change"
    ]
    lines = ["| case | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    failed = False
    for case in CASES:
        if arguments.case and arguments.case not in case[0]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            ours, steps, start, margin = run_case(
                arguments.program, pathlib.Path(folder), case, arguments.seed)
        table = Table()
        if set(ours) != set(steps[0].tensors):
            table.faults.append(f"names differ: {sorted(set(ours) ^ set(steps[0].tensors))[:6]}")
        elif steps[0].kept != steps[1].kept:
            table.faults.append("float32 and float64 mine different anchors: take another --seed")
        elif case[4]:
            compare(table, ours, steps, start)
        else:
            compare_joined(table, ours, steps)
        print(f"{case[0]}: loss {steps[0].tensors['loss']:.6f}, {steps[0].matches} anchors matched, "
              f"{[len(k) for k in steps[0].kept]} count" +
              (f", kinks {margin:.1e} away" if margin else ""))
        for kind, (count, first, second, third, name) in table.rows.items():
            print(f"  {kind:20} {count:4}  {first:.1e}  {second:.1e}  {third:.1e}  {name}")
        if case[4]:
            cells = [table.rows.get(column) for column in columns]
            lines.append(f"| {case[0]} | " + " | ".join(
                f"{row[1]:.1e} ({row[3]:.1e})" if row else "" for row in cells) + " |")
        for fault in table.faults[:20]:
            print(f"  ABOVE: {fault}")
        failed = failed or bool(table.faults)
        sys.stdout.flush()
    if arguments.markdown:
        pathlib.Path(arguments.markdown).write_text("\n".join(lines) + "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
