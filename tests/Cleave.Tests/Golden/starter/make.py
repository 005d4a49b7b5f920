#!/usr/bin/python3
"""Logits of the shipped starter, from PyTorch, for tests/Cleave.Tests/Models/StarterTests.cs.

usage: make.py MODEL_FOLDER OUT.json      (PyTorch 1.13; the model is written out here, nothing of Cleave takes part)
"""
import json, math, struct, sys
import torch, torch.nn.functional as F

folder, out = sys.argv[1:3]
config = json.load(open(folder + "/config.json"))
raw = open(folder + "/model.safetensors", "rb").read()
size = struct.unpack("<Q", raw[:8])[0]
weights = {}
for name, t in json.loads(raw[8:8 + size]).items():
    if name == "__metadata__": continue
    kind = {"BF16": torch.bfloat16, "F32": torch.float32}[t["dtype"]]
    a, b = t["data_offsets"]
    weights[name] = torch.frombuffer(bytearray(raw[8 + size + a:8 + size + b]), dtype=kind).float().view(t["shape"])
L, H, G, D = (config[k] for k in ("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim"))
ids = torch.tensor([0] + [(37 * i * i + 11 * i + 5) % config["vocab_size"] for i in range(40)])
n = len(ids)
angle = torch.outer(torch.arange(n).float(), 1 / config["rope_theta"] ** (torch.arange(0, D, 2).float() / D))
cos, sin = torch.cat([angle, angle], -1).cos(), torch.cat([angle, angle], -1).sin()
def rotate(x):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin
def norm(x, w): return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + config["rms_norm_eps"]) * w
x = weights["model.embed_tokens.weight"][ids]
mask = torch.full((n, n), float("-inf")).triu(1)
for i in range(L):
    w = lambda s: weights[f"model.layers.{i}.{s}.weight"]
    h = norm(x, w("input_layernorm"))
    q = rotate((h @ w("self_attn.q_proj").t()).view(n, H, D).transpose(0, 1))
    k = rotate((h @ w("self_attn.k_proj").t()).view(n, G, D).transpose(0, 1)).repeat_interleave(H // G, 0)
    v = (h @ w("self_attn.v_proj").t()).view(n, G, D).transpose(0, 1).repeat_interleave(H // G, 0)
    a = (q @ k.transpose(-1, -2) / math.sqrt(D) + mask).softmax(-1) @ v
    x = x + a.transpose(0, 1).reshape(n, H * D) @ w("self_attn.o_proj").t()
    h = norm(x, w("post_attention_layernorm"))
    x = x + (F.silu(h @ w("mlp.gate_proj").t()) * (h @ w("mlp.up_proj").t())) @ w("mlp.down_proj").t()
logits = norm(x, weights["model.norm.weight"]) @ weights["model.embed_tokens.weight"].t()
json.dump({"ids": ids.tolist(), "last": [round(v, 6) for v in logits[-1].tolist()], "sums": logits.sum(-1).tolist(), "best": logits.argmax(-1).tolist()}, open(out, "w"))
