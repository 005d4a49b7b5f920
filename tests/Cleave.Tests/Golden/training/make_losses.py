#!/usr/bin/python3
"""Losses and adapted layers with their gradients, from PyTorch's autograd in float64.

usage: make_losses.py FILE   writes losses.json

The class-weighted loss is torch.nn.functional.cross_entropy; the focal loss, direct preference optimization and the adapted layers are written
out from their papers, DoRA with the norm of the rows detached (section 4.3 of its paper).
"""
import json, sys
import torch, torch.nn.functional as F
torch.manual_seed(3); torch.set_default_dtype(torch.float64)
flat = lambda t: [float(f"{x:.9g}") for x in t.detach().flatten().tolist()]
single = lambda *s: torch.randn(*s).float().double()
out = {}

logits, targets, weights = single(6, 5), torch.tensor([0, 3, 4, 1, 1, 2]), torch.tensor([0.5, 2.0, 1.0, 3.0, 0.25])
out["classes"] = {"logits": flat(logits), "targets": targets.tolist(), "weights": flat(weights), "cases": []}
for smoothing, focus, weighted in ((0.0, 0.0, True), (0.1, 0.0, True), (0.0, 2.0, False), (0.0, 2.0, True), (0.0, 0.5, False), (0.1, 1.5, True)):
    z = logits.clone().requires_grad_(True)
    w = weights if weighted else torch.ones(5)
    if focus == 0:
        loss = F.cross_entropy(z, targets, weight=w, label_smoothing=smoothing)
    else:
        p = z.softmax(-1); q = (1 - smoothing) * F.one_hot(targets, 5) + smoothing / 5
        loss = -(q * w * (1 - p) ** focus * p.log()).sum() / w[targets].sum()
    loss.backward()
    out["classes"]["cases"].append({"smoothing": smoothing, "focus": focus, "weighted": weighted, "loss": loss.item(), "gradient": flat(z.grad)})

rows = [3, 2, 1, 4]  # two pairs; the preferred text first
logits, targets, reference, beta = single(10, 7), torch.randint(0, 7, (10,)), torch.tensor([-6.0, -4.5, -1.5, -8.0]), 0.3
z = logits.clone().requires_grad_(True)
each = z.log_softmax(-1).gather(1, targets[:, None]).squeeze(1)
sums = torch.stack([part.sum() for part in each.split(rows)])
margin = beta * ((sums[0::2] - reference[0::2]) - (sums[1::2] - reference[1::2]))
loss = -F.logsigmoid(margin).mean(); loss.backward()
out["preference"] = {"logits": flat(logits), "targets": targets.tolist(), "rows": rows, "reference": flat(reference), "beta": beta, "likelihoods": flat(sums),
                     "loss": loss.item(), "accuracy": (margin > 0).double().mean().item(), "gradient": flat(z.grad)}

x, w, bias, a, b, m, l, g = single(4, 6), single(5, 6), single(5), single(2, 6), single(5, 2), single(5).abs() + 1, single(5), single(4, 5)
li = single(6)
layers = {"x": flat(x), "weight": flat(w), "bias": flat(bias), "a": flat(a), "b": flat(b), "magnitude": flat(m), "factors": flat(l), "input_factors": flat(li), "seed": flat(g), "scale": 1.5}
def run(name, f, **learnt):
    leaves = {k: v.clone().requires_grad_(True) for k, v in {"x": x, **learnt}.items()}
    y = f(**leaves); (y * g).sum().backward()
    layers[name] = {"y": flat(y), **{k: flat(v.grad) for k, v in leaves.items()}}
run("lora", lambda x, a, b: x @ w.t() + bias + 1.5 * x @ a.t() @ b.t(), a=a, b=b)
def dora(x, a, b, magnitude):
    norm = (w + 1.5 * b @ a).norm(dim=1).detach()
    return magnitude / norm * (x @ w.t() + 1.5 * x @ a.t() @ b.t()) + bias
run("dora", dora, a=a, b=b, magnitude=m)
run("ia3", lambda x, factors: factors * (x @ w.t() + bias), factors=l)
run("ia3-inputs", lambda x, factors: (factors * x) @ w.t() + bias, factors=li)
out["layers"] = layers
json.dump(out, open(sys.argv[1], "w"))
