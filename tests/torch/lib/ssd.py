"""SSD with MobileNet v1 and v2 and one training step of it, in PyTorch, after TensorFlow's Object
Detection API; an independent second writing of what ocelli does.

Parameters keep the shapes and names of ocelli's files, [KH,KW,C,K], so gradients have them too.
"""
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import torch
import torch.nn.functional as F


class Settings:
    """What differs between steps, by the hyperparameters' names."""

    def __init__(self, model, classes, **values):
        self.model, self.classes = model, classes
        self.v1 = model == "ssd-mobilenet-v1"
        self.lite = model == "ssdlite-mobilenet-v2"
        self.optimizer = "rmsprop"
        self.initial_learning_rate = 0.004
        self.momentum_decay, self.momentum_epsilon = 0.9, 1.0
        self.gradient_clipping_by_norm = 0.0
        self.batchnorm_decay = self.first_stage_batchnorm_decay = 0.9997
        self.second_stage_batchnorm_decay = 0.9997
        self.weight_decay = self.first_stage_regularizer_weight = 4e-5
        self.second_stage_regularizer_weight = 4e-5
        self.matched_threshold = self.unmatched_threshold = 0.5
        self.second_stage_localization_loss_weight = 1.0
        self.second_stage_classification_loss_weight = 1.0
        self.num_hard_examples, self.hard_example_iou_threshold = 3000, 0.99
        self.max_negatives_per_positive = 3.0
        self.min_negatives_per_image = 0 if self.v1 else 3
        for name, value in values.items():
            if not hasattr(self, name):
                raise KeyError(name)
            setattr(self, name, value)


def same_padding(x, kernel, stride):
    """TensorFlow's SAME: what is odd goes to the bottom and right."""
    pads = []
    for size in (x.shape[3], x.shape[2]):
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


class Net:
    """One forward in training mode. `decayed` collects (weight, L2 coefficient), `statistics` the
    moving statistics after the step, `norms` the outputs of batch norms."""

    def __init__(self, settings, params, moving):
        self.s, self.params, self.moving = settings, params, moving
        self.decayed, self.statistics, self.norms = [], {}, {}
        self.counts = {}
        self.group = None  # (L2, batch norm decay)

    def scope(self, path, kind):
        """The path of the next layer of that kind: conv, conv_1, conv_2."""
        count = self.counts.get((path, kind), 0)
        self.counts[path, kind] = count + 1
        return f"{path}/{kind}" + (f"_{count}" if count else "")

    def conv(self, path, x, stride=1, bias=False):
        name = self.scope(path, "conv")
        w = self.params[name + "/weight"]
        self.decayed.append((w, self.group[0]))
        b = self.params[name + "/bias"] if bias else None
        x = same_padding(x, w.shape[0], stride)
        return F.conv2d(x, w.permute(3, 2, 0, 1).contiguous(), b, stride)

    def depthwise(self, path, x, stride=1, decayed=True):
        w = self.params[self.scope(path, "depthwise") + "/weight"]
        if decayed:
            self.decayed.append((w, self.group[0]))
        x = same_padding(x, w.shape[0], stride)
        w = w.permute(2, 3, 0, 1).contiguous()
        return F.conv2d(x, w, None, stride, groups=x.shape[1])

    def norm(self, path, x, epsilon=0.001):
        name = self.scope(path, "batch_norm")
        y = F.batch_norm(
            x, None, None, self.params[name + "/gamma"], self.params[name + "/beta"],
            training=True, eps=epsilon)
        with torch.no_grad():
            decay = self.group[1]
            variance, mean = torch.var_mean(x, (0, 2, 3), unbiased=True)
            for key, batch in (("/moving_mean", mean), ("/moving_variance", variance)):
                self.statistics[name + key] = (
                    decay * self.moving[name + key] + (1 - decay) * batch)
        if y.requires_grad:
            y.retain_grad()
        self.norms[name] = y
        return y

    def activate(self, path, x):
        return F.relu6(self.norm(path, x))

    def conv_norm(self, path, x, stride=1):
        return self.activate(path, self.conv(path, x, stride))

    def depthwise_norm(self, path, x, stride=1, decayed=True):
        return self.activate(path, self.depthwise(path, x, stride, decayed))

    def backbone_v1(self, x):
        """The maps after layers 11 and 13."""
        x = self.conv_norm("backbone/layer_0", x, 2)
        maps = []
        for layer in range(1, 14):
            path = f"backbone/layer_{layer}"
            x = self.depthwise_norm(path, x, 2 if layer in (2, 4, 6, 12) else 1)
            x = self.conv_norm(path, x)
            if layer in (11, 13):
                maps.append(x)
        return maps

    def backbone_v2(self, x):
        """The expansion of layer 15, and layer 19. No L2 on depthwise weights."""
        x = self.conv_norm("backbone/layer_1", x, 2)
        first = None
        for layer in range(2, 19):
            path, shortcut = f"backbone/layer_{layer}", x
            stride = 2 if layer in (3, 5, 8, 15) else 1
            if layer > 2:
                x = self.conv_norm(path + "/expand", x)
            if layer == 15:
                first = x
            x = self.depthwise_norm(path + "/depthwise", x, stride, decayed=False)
            x = self.norm(path + "/project", self.conv(path + "/project", x))
            if stride == 1 and x.shape == shortcut.shape:
                x = x + shortcut
        return [first, self.conv_norm("backbone/layer_19", x)]

    def extra(self, i, x):
        path = f"extras/map_{i}"
        x = self.conv_norm(path, x)
        if self.s.v1:
            return self.conv_norm(path, x, 2)
        return self.conv_norm(path, self.depthwise_norm(path, x, 2))

    def head(self, path, x, columns):
        if self.s.lite:
            x = self.depthwise_norm(path, x)
        x = self.conv(path, x, bias=True)
        return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, columns)

    def __call__(self, images):
        """images [N,H,W,3] -> codes [N,A,4], logits [N,A,C+1], sizes of the maps."""
        s = self.s
        self.group = (s.weight_decay, s.batchnorm_decay)
        # Contiguous: PyTorch's batch norm sums in plain float when the channels come last, and is
        # then a thousand times less exact (8.9e-5 instead of 8.9e-8 over 3 x 150 x 150 values).
        images = images.permute(0, 3, 1, 2).contiguous()
        maps = (self.backbone_v1 if s.v1 else self.backbone_v2)(images)
        self.group = (s.first_stage_regularizer_weight, s.first_stage_batchnorm_decay)
        for i in range(2, 6):
            maps.append(self.extra(i, maps[-1]))
        self.group = (s.second_stage_regularizer_weight, s.second_stage_batchnorm_decay)
        codes = [self.head(f"heads/map_{i}/box", x, 4) for i, x in enumerate(maps)]
        logits = [self.head(f"heads/map_{i}/class", x, s.classes + 1) for i, x in enumerate(maps)]
        return torch.cat(codes, 1), torch.cat(logits, 1), [x.shape[2:] for x in maps]


def make_anchors(sizes):
    """[A,4] of cy, cx, h, w: map, then y, x, then the shape; in double."""
    scales = [0.2 + 0.75 * i / 5 for i in range(6)] + [1.0]
    anchors = []
    for i, (height, width) in enumerate(sizes):
        if i == 0:
            shapes = [(0.1, 1.0), (scales[0], 2.0), (scales[0], 0.5)]
        else:
            shapes = [(scales[i], ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 0.3333)]
            shapes.append((math.sqrt(scales[i] * scales[i + 1]), 1.0))
        for y in range(height):
            for x in range(width):
                for scale, ratio in shapes:
                    anchors.append([(y + 0.5) / height, (x + 0.5) / width,
                                    scale / math.sqrt(ratio), scale * math.sqrt(ratio)])
    return np.array(anchors)


def corners(centred):
    half = centred[:, 2:] / 2
    return np.concatenate([centred[:, :2] - half, centred[:, :2] + half], 1)


def iou(a, b):
    """[len(a), len(b)] of boxes [ymin,xmin,ymax,xmax]; 0 for boxes without area."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(1) for x in (a, b))
    union = area_a[:, None] + area_b[None, :] - shared
    good = (shared > 0) & (area_a[:, None] > 0) & (area_b[None, :] > 0)
    return np.where(good, shared / np.where(good, union, 1), 0)


def match(s, boxes, anchors):
    """[A]: row of the box, -1 negative, -2 ignored. Every box takes its best anchor, whatever
    their overlap; the lowest row goes first."""
    if len(boxes) == 0:
        return np.full(len(anchors), -1)
    overlap = iou(boxes, anchors)
    top = overlap.max(0)
    rows = np.where(top < s.unmatched_threshold, -1, -2)
    rows = np.where(top >= s.matched_threshold, overlap.argmax(0), rows)
    best = overlap.argmax(1)
    for row in reversed(range(len(boxes))):
        rows[best[row]] = row
    return rows


def mine(s, losses, boxes, rows):
    """The anchors that count: NMS by falling loss, then so many negatives for each positive."""
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    boxes = np.concatenate([low, high], 1)
    listed, alive = [], np.ones(len(boxes), bool)
    for a in np.argsort(-losses, kind="stable"):
        if not alive[a]:
            continue
        listed.append(int(a))
        if len(listed) == s.num_hard_examples:
            break
        alive &= ~(iou(boxes[a:a + 1], boxes)[0] > s.hard_example_iou_threshold)
    positives = sum(rows[a] >= 0 for a in listed)
    allowed = max(s.min_negatives_per_image, math.floor(s.max_negatives_per_positive * positives))
    negatives, kept = 0, []
    for a in listed:
        negatives += rows[a] == -1
        if rows[a] >= 0 or negatives <= allowed:
            kept.append(a)
    return kept


class Step:
    """A whole step from weights {name: array} on a batch {images, boxes, labels}. `tensors` has the
    names of `ocelli step`; `kept` the anchors that counted, of each picture; `cancelling` the
    gradients that are 0 in exact arithmetic, with the sum of the magnitudes that cancel."""

    def __init__(self, settings, weights, batch, dtype):
        self.s, self.dtype = settings, dtype
        tensors = {k: torch.tensor(v, dtype=dtype) for k, v in weights.items()}
        moving = {k: v for k, v in tensors.items() if "/moving_" in k}
        params = {k: v.requires_grad_() for k, v in tensors.items() if k not in moving}
        self.tensors, self.kept, self.matches = {}, [], 0
        net = Net(settings, params, moving)
        codes, logits, sizes = net(torch.tensor(batch["images"], dtype=dtype))
        localization, classification = self.data_loss(codes, logits, make_anchors(sizes), batch)
        regularization = sum(c * 0.5 * (w**2).sum() for w, c in net.decayed)
        (localization + classification + regularization).backward()

        note = self.tensors
        note["loss/localization"] = localization.item()
        note["loss/classification"] = classification.item()
        note["loss/regularization"] = regularization.item()
        note["loss"] = sum(note.values())
        note["output/box"], note["output/class"] = codes.detach().numpy(), logits.detach().numpy()
        for name, value in net.statistics.items():
            note["stat/" + name] = value.numpy()
        gradients = {k: torch.zeros_like(w) if w.grad is None else w.grad for k, w in params.items()}
        for name, gradient in gradients.items():
            note["grad/" + name] = gradient.numpy()
        for name, value in self.update(params, gradients).items():
            note["param/" + name] = value.numpy()
        self.cancelling = {}
        for name, y in net.norms.items():
            terms = y.grad.abs().sum((0, 2, 3)).max().item()
            beta = f"{name}/beta"
            if dtype == torch.float64 and gradients[beta].abs().max().item() < 1e-12 * terms:
                self.cancelling["grad/" + beta] = terms

    def data_loss(self, codes, logits, anchors, batch):
        box_sum = class_sum = 0
        columns = self.s.classes + 1
        anchor_corners = corners(anchors)
        with torch.no_grad():
            t = codes.numpy().astype(np.float64)
        for n in range(len(codes)):
            count = int((batch["labels"][n] > 0).sum())
            boxes = batch["boxes"][n][:count].astype(np.float64)
            rows = match(self.s, boxes, anchor_corners)
            targets, labels = np.zeros((len(anchors), 4)), np.zeros(len(anchors), np.int64)
            for a in np.flatnonzero(rows >= 0):
                ymin, xmin, ymax, xmax = boxes[rows[a]]
                cy, cx, h, w = anchors[a]
                h, w = h + 1e-8, w + 1e-8
                targets[a] = [10 * ((ymin + ymax) / 2 - cy) / h, 10 * ((xmin + xmax) / 2 - cx) / w,
                              5 * math.log((ymax - ymin + 1e-8) / h),
                              5 * math.log((xmax - xmin + 1e-8) / w)]
                labels[a] = batch["labels"][n][rows[a]]
            matched = torch.tensor(rows >= 0)
            targets = torch.tensor(targets, dtype=self.dtype)
            one_hot = F.one_hot(torch.tensor(labels), columns).to(self.dtype)
            class_losses = F.binary_cross_entropy_with_logits(
                logits[n], one_hot, reduction="none").sum(1)
            class_losses = class_losses * torch.tensor(rows != -2)
            box_losses = F.smooth_l1_loss(codes[n], targets, reduction="none", beta=1.0).sum(1)
            box_losses = torch.where(matched, box_losses, torch.zeros_like(box_losses))
            centred = np.concatenate([
                t[n, :, :2] / 10 * anchors[:, 2:] + anchors[:, :2],
                np.exp(t[n, :, 2:] / 5) * anchors[:, 2:]
            ], 1)
            kept = mine(self.s, class_losses.detach().numpy(), corners(centred), rows)
            self.kept.append(sorted(kept))
            self.matches += int(matched.sum())
            box_sum = box_sum + box_losses[kept].sum()
            class_sum = class_sum + class_losses[kept].sum()
        count = max(self.matches, 1)
        return (self.s.second_stage_localization_loss_weight * box_sum / count,
                self.s.second_stage_classification_loss_weight * class_sum / count)

    def update(self, params, gradients):
        """The weights after one step from fresh optimizer state."""
        s = self.s
        norm = math.sqrt(sum((g.double()**2).sum().item() for g in gradients.values()))
        limit = s.gradient_clipping_by_norm
        factor = limit / norm if 0 < limit < norm else 1.0
        after = {}
        for name, w in params.items():
            g = gradients[name] * factor
            if s.optimizer == "rmsprop":
                mean_square = s.momentum_decay * torch.ones_like(g) + (1 - s.momentum_decay) * g * g
                step = s.initial_learning_rate * g / torch.sqrt(mean_square + s.momentum_epsilon)
            else:
                step = s.initial_learning_rate * g
            after[name] = w.detach() - step
        return after
