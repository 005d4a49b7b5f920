#!/usr/bin/python3
"""Writes study-v1.journal: a study's file of version 1 as the format's description gives it, made without Cleave.

usage: make_study_v1.py > study-v1.journal
"""
import json, struct, sys

TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF

assert crc32c(b'123456789') == 0xE3069283
head = b'CLVJRNL\n' + struct.pack('<II', 1, 5) + b'study'
out = head + struct.pack('<I', crc32c(head))
for record in [
    {"name": "fixture", "seed": 18446744073709551615, "directions": ["maximize"], "space": [
        {"kind": {"type": "categorical", "choices": ["sgd", 8, True]}},
        {"lr": {"type": "float", "low": 1e-5, "high": 0.1, "log": True}},
        {"layers": {"type": "int", "low": 1, "high": 12}},
        {"momentum": {"type": "float", "low": 0, "high": 0.99, "when": {"kind": "sgd"}}}]},
    {"event": "enqueue", "params": {"kind": "sgd", "lr": 0.001, "layers": 3, "momentum": 0.9}},
    {"event": "start"},
    {"event": "step", "trial": 0, "step": 0, "value": 0.25},
    {"event": "step", "trial": 0, "step": 1, "value": None},
    {"event": "end", "trial": 0, "state": "complete", "values": [0.75], "note": "first"},
    {"event": "start"},
    {"event": "params", "trial": 1, "params": {"kind": 8, "lr": 0.1, "layers": 12}},
    {"event": "end", "trial": 1, "state": "failed", "values": [], "note": "no memory"},
    {"event": "start"},
    {"event": "params", "trial": 2, "params": {"kind": True, "lr": 1e-05, "layers": 1}},
    {"event": "step", "trial": 2, "step": 0, "value": 0.5},
]:
    payload = json.dumps(record).encode()
    check = crc32c(struct.pack('<IQ', len(payload), len(out)))
    out += struct.pack('<III', len(payload), check, crc32c(payload)) + payload
sys.stdout.buffer.write(out + b'torn off here')
