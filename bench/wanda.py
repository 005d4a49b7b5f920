"""Magnitude and Wanda on the starter by an independent implementation (PyTorch, float32): is their order the model's or ours?

    cleave tokenize starter --json < calibration.jsonl > calibration.json    # one line {"text": ...} in, {"ids": ...} out
    cleave tokenize starter --json < held-out.jsonl > held-out.json
    python3 bench/wanda.py calibration.json held-out.json

Prints the perplexity of the whole model and of both criteria, weights competing within a row or within the matrix, layer after
layer as 'cleave prune' goes: what a layer is measured on has passed through the pruned layers before it.
"""
import json
import math
import struct
import sys

import torch

WIDTH, HEADS, GROUPS, SIZE, LAYERS, CONTEXT = 256, 8, 4, 32, 4, 256


def load(path):
    raw = open(path, "rb").read()
    start = 8 + struct.unpack("<Q", raw[:8])[0]
    weights = {}
    for name, entry in json.loads(raw[8:start]).items():
        if name != "__metadata__":
            first, end = entry["data_offsets"]
            kind = torch.bfloat16 if entry["dtype"] == "BF16" else torch.float32
            weights[name] = torch.frombuffer(bytearray(raw[start + first:start + end]), dtype=kind).float().reshape(entry["shape"])
    return weights


angles = torch.outer(torch.arange(CONTEXT).float(), 10000.0 ** (-torch.arange(0, SIZE, 2).float() / SIZE)).repeat(1, 2)


def rotate(x):
    turned = torch.cat([-x[..., SIZE // 2:], x[..., :SIZE // 2]], -1)
    return x * angles.cos()[:x.shape[-2]] + turned * angles.sin()[:x.shape[-2]]


def norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * weight


def layer(x, weights, i, squares=None):
    def linear(x, part):
        name = f"model.layers.{i}.{part}_proj.weight"
        if squares is not None:
            squares[name] = x.reshape(-1, x.shape[-1]).pow(2).mean(0)
        return x @ weights[name].T

    batch, tokens, _ = x.shape
    heads = lambda y, count: y.view(batch, tokens, count, SIZE).transpose(1, 2)
    h = norm(x, weights[f"model.layers.{i}.input_layernorm.weight"])
    q = rotate(heads(linear(h, "self_attn.q"), HEADS))
    k = rotate(heads(linear(h, "self_attn.k"), GROUPS)).repeat_interleave(HEADS // GROUPS, 1)
    v = heads(linear(h, "self_attn.v"), GROUPS).repeat_interleave(HEADS // GROUPS, 1)
    scores = q @ k.transpose(-1, -2) / math.sqrt(SIZE) + torch.full((tokens, tokens), -1e30).triu(1)
    x = x + linear((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, tokens, -1), "self_attn.o")
    h = norm(x, weights[f"model.layers.{i}.post_attention_layernorm.weight"])
    return x + linear(torch.nn.functional.silu(linear(h, "mlp.gate")) * linear(h, "mlp.up"), "mlp.down")


def perplexity(weights, ids):
    total = 0
    for start in range(0, len(ids) - 1, CONTEXT):
        targets = ids[start + 1:start + CONTEXT + 1]
        h = weights["model.embed_tokens.weight"][ids[start:start + len(targets)]][None]
        for i in range(LAYERS):
            h = layer(h, weights, i)
        logits = norm(h, weights["model.norm.weight"])[0] @ weights["model.embed_tokens.weight"].T
        total += torch.nn.functional.cross_entropy(logits, targets, reduction="sum").item()
    return math.exp(total / (len(ids) - 1))


def without(weight, scale, by_row, share):
    scores = weight.abs() * scale
    scores = scores if by_row else scores.reshape(1, -1)
    lowest = scores.argsort(1)[:, :int(share * scores.shape[1])]
    return weight.reshape(scores.shape).scatter(1, lowest, 0.0).reshape(weight.shape)


def pruned(weights, ids, wanda, by_row, share):
    weights = dict(weights)
    x = weights["model.embed_tokens.weight"][ids].view(-1, CONTEXT, WIDTH)
    for i in range(LAYERS):
        squares = {}
        layer(x, weights, i, squares)
        for name, s in squares.items():
            weights[name] = without(weights[name], s.sqrt() if wanda else torch.ones(1), by_row, share)
        x = layer(x, weights, i)
    return weights


if __name__ == "__main__":
    calibration, held_out = (torch.tensor(json.load(open(path))["ids"]) for path in sys.argv[1:])
    model = load("models/starter/model.safetensors")
    with torch.no_grad():
        print(f"whole {perplexity(model, held_out):.3f}")
        for share in (0.5, 0.7):
            for wanda in (False, True):
                for by_row in (False, True):
                    result = perplexity(pruned(model, calibration[:16384], wanda, by_row, share), held_out)
                    print(f"{share:.0%} {'wanda' if wanda else 'magnitude'} by {'row' if by_row else 'matrix'} {result:.3f}", flush=True)
