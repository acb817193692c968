"""Writes the net of ssd_torch.py, as it infers, to an ONNX file. Usage: export_onnx.py FILE"""
# SPDX-License-Identifier: Apache-2.0
import sys

import torch

sys.dont_write_bytecode = True
from ssd_torch import Ssd  # noqa: E402

if len(sys.argv) != 2:
    sys.exit(__doc__)
torch.manual_seed(1)
torch.onnx.export(
    Ssd(90).eval(), torch.zeros(1, 3, 300, 300), sys.argv[1], opset_version=13,
    input_names=["image"], output_names=["box", "class"])
