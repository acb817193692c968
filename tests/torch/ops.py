"""Every operation of the reference against PyTorch, forward and backward, in double.

Usage: ops.py PROGRAM [CASES_PER_KIND]     PROGRAM is built from ops.cpp
Prints the worst relative difference of each kind; exits with 1 when one is above the tolerance.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import subprocess
import sys

import torch
import torch.nn.functional as F

# Both sides sum at most some thousand products of order 1 in double (2^-53 = 1.1e-16 each), and
# divide by deviations of order 1.
TOLERANCE = 1e-12

ACTIVATIONS = {
    "none": lambda x: x,
    "relu": F.relu,
    "relu6": F.relu6,
    "swish": F.silu,
    "sigmoid": torch.sigmoid,
}


def tensor(values, *shape):
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def padded(case, x, value):
    """x [N,C,H,W] with the padding that makes the window's last place fit, and no more."""
    after = []
    for axis in range(2):
        size = x.shape[2 + axis]
        reach = (case["kernel"][axis] - 1) * case["dilation"] + 1
        end = (case["out_shape"][axis] - 1) * case["stride"] + reach - case["pad"][axis]
        after.append(end - size)
    # A stride that leaves pixels over makes `after` negative, which crops them.
    return F.pad(x, (case["pad"][1], after[1], case["pad"][0], after[0]), value=value)


def forward(case, inputs, weight, bias):
    """The output [N,H,W,C], and the moving statistics after the step (or None)."""
    kind, f = case["kind"], ACTIVATIONS[case["activation"]]
    x = inputs[0].permute(0, 3, 1, 2).contiguous()
    channels = x.shape[1]
    if kind in ("conv2d", "depthwise_conv2d"):
        kh, kw = case["kernel"]
        if kind == "conv2d":
            w = weight.reshape(kh, kw, channels, -1).permute(3, 2, 0, 1).contiguous()
            groups = 1
        else:
            w = weight.reshape(kh, kw, channels, 1).permute(2, 3, 0, 1).contiguous()
            groups = channels
        y = F.conv2d(padded(case, x, 0.0), w, bias, case["stride"], 0, case["dilation"], groups)
    elif kind == "batch_norm":
        mean, variance = tensor(case["moving_mean"], -1), tensor(case["moving_variance"], -1)
        y = f(
            F.batch_norm(
                x, mean, variance, weight, bias, not case["stored"], 1 - case["decay"], case["epsilon"]
            )
        )
        return y.permute(0, 2, 3, 1), (mean, variance)
    elif kind == "max_pool":
        y = F.max_pool2d(padded(case, x, -float("inf")), case["kernel"], case["stride"])
    elif kind == "average_pool":
        area = case["kernel"][0] * case["kernel"][1]
        total = F.avg_pool2d(padded(case, x, 0.0), case["kernel"], case["stride"]) * area
        inside = F.avg_pool2d(padded(case, torch.ones_like(x), 0.0), case["kernel"], case["stride"])
        y = total / (inside * area)
    elif kind == "activation":
        y = f(x)
    elif kind == "add":
        y = f(sum(inputs)).permute(0, 3, 1, 2)
    elif kind == "concat":
        rows = case["out_shape"][:2]
        if all(list(t.shape[1:3]) == rows for t in inputs):
            y = torch.cat(inputs, dim=3).permute(0, 3, 1, 2)
        else:
            y = torch.cat([t.flatten(1) for t in inputs], dim=1)
            y = y.reshape(-1, *case["out_shape"]).permute(0, 3, 1, 2)
    elif kind == "softmax":
        y = F.softmax(x, dim=1)
    elif kind == "dropout":
        mask = tensor(case["mask"], *inputs[0].shape).permute(0, 3, 1, 2)
        y = x * mask / case["keep"]
    else:
        sys.exit(f"ops.py: no counterpart of {kind}")
    return y.permute(0, 2, 3, 1), None


def difference(got, want):
    """The largest |got - want| as a share of the largest |want|, or of 1 if that is larger."""
    got, want = tensor(got, -1), want.detach().reshape(-1)
    if got.shape != want.shape or not torch.isfinite(got).all():
        return float("inf")
    if got.numel() == 0:
        return 0.0
    return float((got - want).abs().max() / max(1.0, float(want.abs().max())))


def compare(case):
    """Differences by name."""
    inputs = []
    for each in case["inputs"]:
        x = tensor(each["data"], case["batch"], *each["shape"])
        if case["deferred"]:
            x = ACTIVATIONS[case["deferred"]](tensor(each["scale"], -1) * x + tensor(each["shift"], -1))
        inputs.append(x.requires_grad_())
    weight = tensor(case["weight"], -1).requires_grad_() if case["weight"] else None
    bias = tensor(case["bias"], -1).requires_grad_() if case["bias"] else None
    out, moving = forward(case, inputs, weight, bias)
    out.backward(tensor(case["dout"], case["batch"], *case["out_shape"]))

    found = {"out": difference(case["out"], out)}
    found["din"] = max(difference(e["din"], x.grad) for e, x in zip(case["inputs"], inputs))
    if weight is not None:
        found["dweight"] = difference(case["dweight"], weight.grad)
    if bias is not None:
        found["dbias"] = difference(case["dbias"], bias.grad)
    if moving is not None:
        found["moving"] = max(
            difference(case["moving_mean_after"], moving[0]),
            difference(case["moving_variance_after"], moving[1]),
        )
    return found


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    cases = sys.argv[2] if len(sys.argv) > 2 else "100"
    lines = subprocess.run([sys.argv[1], cases], check=True, capture_output=True, text=True).stdout
    worst, counts, failures = {}, {}, 0
    for line in lines.splitlines():
        case = json.loads(line)
        kind = case["kind"]
        counts[kind] = counts.get(kind, 0) + 1
        for name, value in compare(case).items():
            worst.setdefault(kind, {})
            worst[kind][name] = max(worst[kind].get(name, 0.0), value)
            if not value <= TOLERANCE:
                failures += 1
                shapes = [each["shape"] for each in case["inputs"]]
                print(f"{kind}: {name} differs by {value:.3g}, inputs {shapes}, case {counts[kind] - 1}")
    columns = ("out", "din", "dweight", "dbias", "moving")
    print(f"reference against PyTorch {torch.__version__}, double, worst relative difference")
    print(f"{'operation':18}{'cases':>6}" + "".join(f"{c:>10}" for c in columns))
    for kind, found in worst.items():
        row = "".join(f"{found[c]:>10.1e}" if c in found else f"{'':>10}" for c in columns)
        print(f"{kind:18}{counts[kind]:>6}{row}")
    print(f"{failures} above {TOLERANCE:g}")
    sys.exit(1 if failures or not counts else 0)


main()
