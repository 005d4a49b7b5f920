#!/usr/bin/python3
"""The first ten steps of every update rule, and averages of weights.

usage: make_optimizers.py FILE   writes optimizers.json

SGD, Adam and AdamW are PyTorch's own (1.13), in float64, and so is the average of weights (torch.optim.swa_utils). Lion, LAMB, Adafactor and
Muon, which that version lacks, are written out here in float64 from the papers; Adafactor with the choices that PyTorch 2.5 documents for
its version (learning rate as the bound of the relative step, means instead of sums, epsilon under the root), Muon with those of PyTorch 2.9
(momentum as a mean, Nesterov, 0.2 * sqrt(max(rows, columns))) but float64 in place of bfloat16.
"""
import json, math, sys
import numpy as np, torch

rng = np.random.default_rng(5)
shapes = {"wide": (5, 7), "tall": (9, 4), "vector": (1, 6)}
start = {n: rng.normal(size=s) for n, s in shapes.items()}
gradients = [{n: rng.normal(size=s) * 0.3 + 0.2 * start[n] for n, s in shapes.items()} for _ in range(10)]
start = {n: w.astype(np.float32).astype(np.float64) for n, w in start.items()}
gradients = [{n: g.astype(np.float32).astype(np.float64) for n, g in step.items()} for step in gradients]
rounded = lambda a: [float(f"{x:.9g}") for x in np.asarray(a).ravel()]

def by_torch(make, names):
    weights = {n: torch.tensor(start[n], dtype=torch.float64, requires_grad=True) for n in names}
    optimizer, out = make(list(weights.values())), []
    for step in gradients:
        for n in names: weights[n].grad = torch.tensor(step[n])
        optimizer.step()
        out.append({n: rounded(weights[n].detach().numpy()) for n in names})
    return out

def by_hand(rule, names):
    weights, states, out = {n: start[n].copy() for n in names}, {n: {} for n in names}, []
    for t, step in enumerate(gradients, 1):
        for n in names: weights[n] = rule(weights[n], step[n], states[n], t)
        out.append({n: rounded(weights[n]) for n in names})
    return out

def lion(p, g, s, t, lr=1e-2, b1=0.9, b2=0.99, wd=0.1):
    m = s.get("m", np.zeros_like(p)); c = b1 * m + (1 - b1) * g; s["m"] = b2 * m + (1 - b2) * g
    return p - lr * (np.sign(c) + wd * p)

def lamb(p, g, s, t, lr=1e-2, b1=0.9, b2=0.999, eps=1e-6, wd=0.1):
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g; s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
    u = s["m"] / (1 - b1 ** t) / (np.sqrt(s["v"] / (1 - b2 ** t)) + eps) + wd * p
    pn, un = np.linalg.norm(p), np.linalg.norm(u)
    return p - lr * (pn / un if pn > 0 and un > 0 else 1) * u

def adafactor(p, g, s, t, lr=1e-2, tau=-0.8, eps1=float(np.finfo(np.float32).eps), eps2=1e-3, d=1.0, wd=0.1):
    share, rho = t ** tau, min(lr, 1 / math.sqrt(t))
    alpha = max(eps2, np.sqrt((p * p).mean())) * rho
    if p.shape[0] > 1:
        s["r"] = s.get("r", 0) + share * ((g * g).mean(1, keepdims=True) - s.get("r", 0))
        s["c"] = s.get("c", 0) + share * ((g * g).mean(0, keepdims=True) - s.get("c", 0))
        v = s["r"] @ s["c"] / max(s["r"].mean(), eps1)
    else:
        s["v"] = s.get("v", 0) + share * (g * g - s.get("v", 0)); v = s["v"]; wd = 0.0
    u = g / np.sqrt(np.maximum(v, eps1 * eps1))
    return p * (1 - lr * wd) - alpha * u / max(1.0, np.sqrt((u * u).mean()) / d)

def muon(p, g, s, t, lr=1e-2, mu=0.95, wd=0.1):
    s["b"] = mu * s.get("b", 0) + (1 - mu) * g
    x = (1 - mu) * g + mu * s["b"]
    x = x / max(np.linalg.norm(x), 1e-7)
    if p.shape[0] > p.shape[1]: x = x.T
    for _ in range(5):
        a = x @ x.T; x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    if p.shape[0] > p.shape[1]: x = x.T
    return p * (1 - lr * wd) - lr * 0.2 * math.sqrt(max(p.shape)) * x

matrices, everything = ["wide", "tall"], ["wide", "tall", "vector"]
O = torch.optim
runs = {
    "sgd": by_torch(lambda p: O.SGD(p, lr=1e-2), matrices),
    "sgd-momentum": by_torch(lambda p: O.SGD(p, lr=1e-2, momentum=0.9), matrices),
    "sgd-nesterov-l2": by_torch(lambda p: O.SGD(p, lr=1e-2, momentum=0.9, nesterov=True, weight_decay=0.1), matrices),
    "adam": by_torch(lambda p: O.Adam(p, lr=1e-2, betas=(0.9, 0.99)), everything),
    "adam-l2": by_torch(lambda p: O.Adam(p, lr=1e-2, betas=(0.9, 0.99), weight_decay=0.1), matrices),
    "adamw": by_torch(lambda p: O.AdamW(p, lr=1e-2, betas=(0.9, 0.99), weight_decay=0.1), matrices),
    "lion": by_hand(lion, matrices),
    "lamb": by_hand(lamb, matrices),
    "adafactor": by_hand(adafactor, everything),
    "muon": by_hand(muon, matrices),
}
# Proximal L1 on plain descent: p = sign(z) * max(|z| - lr * l1, 0) with z = p - lr * g.
def proximal(p, g, s, t, lr=1e-1, l1=2.0):
    z = p - lr * g
    return np.sign(z) * np.maximum(np.abs(z) - lr * l1, 0)
runs["sgd-l1"] = by_hand(proximal, matrices)

# Averages over the weights of the AdamW run, by PyTorch's own class.
def average(fn, first):
    class Holder(torch.nn.Module):
        def __init__(self):
            super().__init__(); self.w = torch.nn.Parameter(torch.tensor(start["wide"], dtype=torch.float64))
    holder = Holder(); averaged = torch.optim.swa_utils.AveragedModel(holder, avg_fn=fn)
    if first == 0: averaged.update_parameters(holder)
    for t, step in enumerate(runs["adamw"], 1):
        with torch.no_grad(): holder.w.copy_(torch.tensor(step["wide"], dtype=torch.float64).reshape(5, 7))
        if t >= first: averaged.update_parameters(holder)
    return rounded(averaged.module.w.detach().numpy())
ema = lambda a, p, n: (lambda d: d * a + (1 - d) * p)(min(0.5, (1.0 + n.item()) / (10 + n.item())))
json.dump({"start": {n: rounded(w) for n, w in start.items()}, "gradients": [{n: rounded(g) for n, g in step.items()} for step in gradients],
           "runs": runs, "stochastic_from_4": average(None, 4), "exponential_half": average(ema, 0)}, open(sys.argv[1], "w"))
