"""Reads a safetensors file by the format's own description, compares it with what
safetensors_file_test.cpp wrote, and writes a file for that test to read.

usage: safetensors_check.py OURS THEIRS
SPDX-License-Identifier: Apache-2.0
"""

import json
import struct
import sys


def read(path):
    with open(path, "rb") as file:
        raw = file.read()
    (length,) = struct.unpack_from("<Q", raw)
    assert (8 + length) % 64 == 0, length
    header = json.loads(raw[8 : 8 + length].decode("utf-8"))
    data = raw[8 + length :]
    metadata = header.pop("__metadata__", {})
    tensors, at = {}, 0
    letters = {"F64": "d", "F32": "f", "I64": "q", "I32": "i", "U8": "B"}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        assert begin == at, (name, begin, at)
        at = end
        count = 1
        for extent in entry["shape"]:
            count *= extent
        form = "<%d%s" % (count, letters[entry["dtype"]])
        assert struct.calcsize(form) == end - begin, name
        tensors[name] = (entry["dtype"], entry["shape"], list(struct.unpack(form, data[begin:end])))
    assert at == len(data), (at, len(data))
    return tensors, metadata


def write(path):
    arrays = {
        "ramp": ("F32", [2, 3], struct.pack("<6f", 0, 0.5, 1, 1.5, 2, 2.5)),
        "odd": ("I32", [2], struct.pack("<2i", -5, 7)),
    }
    header, data = {"__metadata__": {"format": "np"}}, b""
    for name, (dtype, shape, raw) in arrays.items():
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def main():
    ours, theirs = sys.argv[1:]
    tensors, metadata = read(ours)
    single = [struct.unpack("<f", struct.pack("<f", v))[0] for v in (0, 1.5, -2, 3e-38, 2e38, -0.0)]
    assert list(tensors) == ['bytes "quoted" \u00e9', "block/conv/weight", "counts", "nothing", "scalar"]
    assert tensors['bytes "quoted" \u00e9'] == ("U8", [3], [0, 128, 255])
    assert tensors["block/conv/weight"] == ("F32", [1, 2, 3], single)
    assert tensors["counts"] == ("I64", [2], [-1, 1 << 62])
    assert tensors["nothing"] == ("F32", [0, 4], [])
    assert tensors["scalar"] == ("F64", [], [0.1])
    assert metadata["step"] == "7"
    assert metadata["text"] == 'line\n"quote" \\ \u20ac'
    write(theirs)


main()
