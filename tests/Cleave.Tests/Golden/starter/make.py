#!/usr/bin/python3
"""Logits of the shipped starter, from PyTorch, for tests/Cleave.Tests/Models/StarterTests.cs.

usage: make.py MODEL_FOLDER OUT.json      (PyTorch 1.13; the model is written out in golden.py, nothing of Cleave takes part)
"""
import json, os, sys
import torch
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from golden import llama, read_weights

folder, out = sys.argv[1:3]
config = json.load(open(folder + "/config.json"))
ids = torch.tensor([0] + [(37 * i * i + 11 * i + 5) % config["vocab_size"] for i in range(40)])
logits = llama(read_weights(folder + "/model.safetensors"), ids, config)
json.dump({"ids": ids.tolist(), "last": [round(v, 6) for v in logits[-1].tolist()], "sums": logits.sum(-1).tolist(), "best": logits.argmax(-1).tolist()}, open(out, "w"))
