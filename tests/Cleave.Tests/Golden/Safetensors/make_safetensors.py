#!/usr/bin/env python3
"""Makes every-type.safetensors and every-type.json from the format's specification, with struct and NumPy only.

Run in this folder: python3 make_safetensors.py
"""
import json
import struct

import numpy as np


def bf16(values):
    bits = np.asarray(values, dtype=np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return rounded.astype(np.uint16)


rng = np.random.default_rng(20240229)
normal = rng.standard_normal(37).astype(np.float32)
special = np.array([0.0, -0.0, 1.0, -2.5, 65504.0, 6e-8, 1e-45, np.inf, -np.inf, 0.1], dtype=np.float32)
tensors = {
    "weights.f32": ("F32", [37, 1], normal),
    "weights.bf16": ("BF16", [37], bf16(normal)),
    "weights.f16": ("F16", [1, 37], normal.astype(np.float16)),
    "weights.f64": ("F64", [37], normal.astype(np.float64) / 3),
    "special.f32": ("F32", [2, 5], special),
    "special.f16": ("F16", [10], special.astype(np.float16)),
    "special.bf16": ("BF16", [10], bf16(special)),
    "ids.i64": ("I64", [3], np.array([-(2**63), 0, 2**63 - 1], dtype=np.int64)),
    "ids.i32": ("I32", [2, 1], np.array([-(2**31), 2**31 - 1], dtype=np.int32)),
    "ids.i16": ("I16", [2], np.array([-32768, 32767], dtype=np.int16)),
    "bytes.i8": ("I8", [3], np.array([-128, 0, 127], dtype=np.int8)),
    "bytes.u8": ("U8", [], np.array(255, dtype=np.uint8)),
    "flags": ("BOOL", [2, 2], np.array([1, 0, 0, 1], dtype=np.uint8)),
    "leer \u00e9 \"\\": ("F32", [0, 4], np.array([], dtype=np.float32)),
}
header, data = {"__metadata__": {"format": "pt", "note": "h\u00e9"}}, b""
for name, (dtype, shape, array) in tensors.items():
    raw = array.tobytes()
    header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
# The header lists the tensors in another order than the data, as the format allows.
names = ["__metadata__"] + sorted(tensors)
text = json.dumps({n: header[n] for n in names}).encode()
text += b" " * (-len(text) % 8)
with open("every-type.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)


def as_float(dtype, array):
    if dtype == "BF16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return [int(b) for b in np.atleast_1d(array.astype(np.float32)).view(np.uint32)]


expected = {n: {"dtype": t, "shape": s, "float_bits": as_float(t, a)} for n, (t, s, a) in tensors.items() if t in ("F64", "F32", "F16", "BF16")}
with open("every-type.json", "w") as file:
    json.dump(expected, file, indent=1)
    file.write("\n")
