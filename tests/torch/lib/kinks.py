"""Weights for which no value lies near a kink of ReLU6.

A value within rounding of 0 or 6 is on one side in one program and on the other in the next, and
its gradient is then all or nothing. Among millions of values some always are: PyTorch in float32
and in float64 differ by percents in single gradients for that reason alone. So each batch norm's
beta is moved a little, to where the channel's values leave a gap around both kinks.
"""
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import torch
import torch.nn.functional as F

from ssd import Net

REACH = 0.3  # how far a beta may move


def gap_shift(values):
    """The shift within REACH that keeps `values` farthest from 0 and from 6, and how far."""
    values = np.sort(values)
    near = values[(values > -REACH) & (values < REACH)]
    edges = np.concatenate([[-REACH], near, [REACH]])
    widest = np.argsort(np.diff(edges))[-50:]
    middles = (edges[widest] + edges[widest + 1]) / 2

    def margin(kinks):
        at = np.clip(np.searchsorted(values, kinks), 1, len(values) - 1)
        return np.minimum(np.abs(values[at - 1] - kinks), np.abs(values[at] - kinks))

    margins = np.minimum(margin(middles), margin(middles + 6))
    best = margins.argmax()
    return -middles[best], margins[best]


class KinkAvoider(Net):
    """A forward in float64 that moves the betas of `params` in place. `margins` has, for each batch
    norm, the smallest distance of a value to a kink."""

    def activate(self, path, x):
        y = self.norm(path, x)
        name = next(reversed(self.norms))
        found = [gap_shift(y[:, c].flatten().numpy()) for c in range(y.shape[1])]
        beta = self.params[name + "/beta"]
        moved = (beta + torch.tensor([shift for shift, _ in found])).float().double()
        y = y + (moved - beta)[None, :, None, None]
        beta.copy_(moved)
        self.margins[name] = min(margin for _, margin in found)
        return F.relu6(y)


def avoid_kinks(settings, weights, images):
    """The weights with moved betas, and the smallest margin."""
    tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in weights.items()}
    net = KinkAvoider(settings, tensors, tensors)
    net.margins = {}
    with torch.no_grad():
        net(torch.tensor(images, dtype=torch.float64))
    return {k: v.float().numpy() for k, v in tensors.items()}, min(net.margins.values())
