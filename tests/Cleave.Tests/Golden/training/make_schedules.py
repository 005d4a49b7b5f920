#!/usr/bin/python3
"""Learning rates of PyTorch's schedulers (1.13), step by step.

usage: make_schedules.py FILE   writes schedules.json

Every schedule has a peak of 0.02 and 40 steps, 8 of which warm up where it warms up. A warm-up is LinearLR from 1/8; what follows it is
PyTorch's scheduler of its own number of steps, so no scheduler is told of another.
"""
import json, sys
import torch
S = torch.optim.lr_scheduler
PEAK, TOTAL, WARMUP = 0.02, 40, 8

def rates(make, steps, metrics=None):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler, out = make(optimizer), []
    for i in range(steps):
        out.append(optimizer.param_groups[0]["lr"]); optimizer.step()
        scheduler.step(*([metrics[i]] if metrics else []))
    return out

warm = rates(lambda o: S.LinearLR(o, start_factor=1 / WARMUP, end_factor=1, total_iters=WARMUP - 1), WARMUP)
rest = TOTAL - WARMUP
losses = [1.0, 0.9, 0.91, 0.92, 0.93, 0.8, 0.81, 0.79999, 0.82, 0.83, 0.84, 0.7, 0.71, 0.72, 0.73, 0.74, 0.75, 0.76, 0.77, 0.78]
json.dump({
    "constant": warm + [PEAK] * rest,
    "linear": warm + rates(lambda o: S.LinearLR(o, start_factor=1, end_factor=0.05, total_iters=rest), rest),
    "cosine": warm + rates(lambda o: S.CosineAnnealingLR(o, T_max=rest, eta_min=PEAK * 0.1), rest),
    "stable": warm + [PEAK] * (rest - 12) + rates(lambda o: S.LinearLR(o, start_factor=1, end_factor=0.1, total_iters=12), 12),
    "one-cycle": rates(lambda o: S.OneCycleLR(o, max_lr=PEAK, total_steps=TOTAL, cycle_momentum=False), TOTAL - 1),
    "cyclic": rates(lambda o: S.CosineAnnealingWarmRestarts(o, T_0=TOTAL // 5), TOTAL),
    "plateau": rates(lambda o: S.ReduceLROnPlateau(o, factor=0.5, patience=2, min_lr=PEAK * 0.2, eps=0), len(losses), losses),
    "plateau-losses": losses,
    "range": rates(lambda o: S.ExponentialLR(o, gamma=1000 ** (1 / (TOTAL - 1))), TOTAL),
}, open(sys.argv[1], "w"))
