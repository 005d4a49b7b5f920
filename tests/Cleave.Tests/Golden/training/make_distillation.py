#!/usr/bin/python3
"""Losses of distillation with their gradients, from PyTorch's autograd in float64.

usage: make_distillation.py FILE   writes distillation.json

Soft targets are torch.nn.functional.kl_div at a temperature, times its square, mixed with cross_entropy; of several teachers the target is the mean
of the probabilities. With k kept tokens the divergence is that of k + 1 outcomes. Relations are written out from the paper of MiniLMv2.
"""
import json, sys
import torch, torch.nn.functional as F
torch.manual_seed(5); torch.set_default_dtype(torch.float64)
flat = lambda t: [float(f"{x:.9g}") for x in t.detach().flatten().tolist()]
single = lambda *s: torch.randn(*s).float().double()
out = {}

student, first, second, targets = single(5, 9) * 2, single(5, 9) * 2, single(5, 9) * 3, torch.tensor([3, 0, 8, 2, 2])
out["soft"] = {"student": flat(student), "first": flat(first), "second": flat(second), "targets": targets.tolist(), "cases": []}
for alpha, t, weights, top, reverse in ((1.0, 1.0, [1.0], 0, False), (0.5, 2.0, [1.0], 0, False), (0.3, 4.0, [0.75, 0.25], 0, False), (1.0, 1.0, [1.0], 3, False), (0.6, 2.0, [0.5, 0.5], 4, False),
                                        (1.0, 1.0, [1.0], 0, True), (0.4, 2.0, [0.5, 0.5], 0, True), (1.0, 2.0, [1.0], 3, True)):
    z = student.clone().requires_grad_(True)
    p = sum(w * (x / t).softmax(-1) for w, x in zip(weights, (first, second)))
    logq = (z / t).log_softmax(-1)
    if top > 0:  # k + 1 outcomes
        kept, ids = p.topk(top, dim=-1)
        q = logq.exp().gather(1, ids)
        p, logq = torch.cat([kept, 1 - kept.sum(-1, keepdim=True)], -1), torch.cat([q, 1 - q.sum(-1, keepdim=True)], -1).log()
    kl = F.kl_div(p.log(), logq, reduction="none", log_target=True).sum(-1) if reverse else F.kl_div(logq, p, reduction="none").sum(-1)
    hard = F.cross_entropy(z, targets, reduction="none")
    loss = ((1 - alpha) * hard + alpha * t * t * kl).mean(); loss.backward()
    out["soft"]["cases"].append({"alpha": alpha, "temperature": t, "weights": weights, "top": top, "reverse": reverse, "loss": loss.item(), "hard": hard.mean().item(),
                                 "divergence": kl.mean().item(), "gradient": flat(z.grad)})

x, y, w = single(6, 4), single(6, 7) + 1, single(7, 4)
a, b = x.clone().requires_grad_(True), w.clone().requires_grad_(True)
loss = F.mse_loss(a @ b.t(), y); loss.backward()
out["states"] = {"x": flat(x), "y": flat(y), "projection": flat(w), "loss": loss.item(), "x_gradient": flat(a.grad), "projection_gradient": flat(b.grad)}

x, y, parts, heads = single(9, 8), single(9, 12), [5, 1, 3], 2  # three sequences
out["relations"] = {"x": flat(x), "y": flat(y), "parts": parts, "heads": heads, "cases": []}
def relation(v, causal):
    split = v.reshape(v.shape[0], heads, -1).transpose(0, 1)
    scores = split @ split.transpose(1, 2) / split.shape[-1] ** 0.5
    if causal:
        scores = scores.masked_fill(torch.ones(v.shape[0], v.shape[0]).triu(1).bool(), float("-inf"))
    return scores.log_softmax(-1)
for causal in (True, False):
    z = x.clone().requires_grad_(True)
    total = 0
    for s, t in zip(z.split(parts), y.split(parts)):
        log_t, log_s = relation(t, causal), relation(s, causal)
        seen = log_t.isfinite()
        total = total + (log_t.exp() * (log_t.masked_fill(~seen, 0) - log_s.masked_fill(~seen, 0))).sum()
    loss = total / (9 * heads); loss.backward()
    out["relations"]["cases"].append({"causal": causal, "loss": loss.item(), "gradient": flat(z.grad)})
json.dump(out, open(sys.argv[1], "w"))
