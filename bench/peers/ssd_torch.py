"""SSD-MobileNetV2, 90 classes, heads of kernel 1, as torchvision writes its MobileNet: nn modules,
batch norm after each convolution, ReLU6 in place.

The same layers, maps (19, 10, 5, 3, 2, 1) and number of parameters as ocelli's. Padding is 1 on all
sides, where TensorFlow and ocelli pad only bottom and right at even sizes: the same work.
"""
# SPDX-License-Identifier: Apache-2.0
import torch
from torch import nn

# channels, blocks, stride of the first
BLOCKS = [(24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1)]
EXTRAS = [(256, 512), (128, 256), (128, 256), (64, 128)]
BOXES = [3, 6, 6, 6, 6, 6]


def conv(inputs, outputs, kernel=1, stride=1, groups=1, activate=True):
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=0.001, momentum=0.0003),
    ]
    if activate:
        layers.append(nn.ReLU6(inplace=True))
    return nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, ratio=6):
        super().__init__()
        wide = inputs * ratio
        self.expand = conv(inputs, wide) if ratio > 1 else nn.Identity()
        self.rest = nn.Sequential(
            conv(wide, wide, 3, stride, wide), conv(wide, outputs, activate=False))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.rest(self.expand(x))
        return x + y if self.adds else y


class Ssd(nn.Module):
    def __init__(self, classes=90):
        super().__init__()
        self.columns = classes + 1
        layers, channels = [conv(3, 32, 3, 2), InvertedResidual(32, 16, 1, 1)], 16
        for outputs, count, stride in BLOCKS:
            for i in range(count):
                layers.append(InvertedResidual(channels, outputs, stride if i == 0 else 1))
                channels = outputs
        layers.append(conv(channels, 1280))
        self.backbone = nn.ModuleList(layers)
        self.tapped = 1 + 1 + 2 + 3 + 4 + 3  # its expansion, 576 channels of 19 x 19, is map 0
        maps = [576, 1280]
        self.extras = nn.ModuleList()
        for narrow, wide in EXTRAS:
            self.extras.append(nn.Sequential(
                conv(maps[-1], narrow), conv(narrow, narrow, 3, 2, narrow), conv(narrow, wide)))
            maps.append(wide)
        self.box = nn.ModuleList(nn.Conv2d(c, 4 * n, 1) for c, n in zip(maps, BOXES))
        self.classes = nn.ModuleList(
            nn.Conv2d(c, self.columns * n, 1) for c, n in zip(maps, BOXES))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")

    def forward(self, x):
        """[N,3,300,300] -> box codes [N,1917,4], class logits [N,1917,columns]."""
        maps = []
        for i, layer in enumerate(self.backbone):
            if i == self.tapped:
                x = layer.expand(x)
                maps.append(x)
                x = layer.rest(x)  # stride 2: nothing to add
            else:
                x = layer(x)
        maps.append(x)
        for extra in self.extras:
            maps.append(extra(maps[-1]))

        def joined(heads, columns):
            rows = [head(m).permute(0, 2, 3, 1) for head, m in zip(heads, maps)]
            return torch.cat([r.reshape(r.shape[0], -1, columns) for r in rows], 1)

        return joined(self.box, 4), joined(self.classes, self.columns)
