"""safetensors files as dictionaries of numpy arrays: 8 bytes length, a JSON header, the data."""
# SPDX-License-Identifier: Apache-2.0
import json
import struct

import numpy as np

DTYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32,
    "U8": np.uint8
}


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]])
        arrays[name] = values.reshape(entry["shape"])
    return arrays


def write_safetensors(path, arrays):
    names = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
    header, at = {}, 0
    for name, array in arrays.items():
        header[name] = {
            "dtype": names[array.dtype], "shape": list(array.shape),
            "data_offsets": [at, at + array.nbytes]
        }
        at += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).tobytes())
