#!/usr/bin/python3
"""Hypervolume of Optuna's random, TPE and NSGA-II samplers on the problems of 'Cleave.Benchmarks -- samplers --functions fronts'.

usage: optuna_fronts.py TRIALS SEEDS [PROBLEM…]   -> one JSON line a problem and sampler, the median over the seeds

The hypervolume is Optuna's own, of the trials that dominate the reference points (1.1, 6) and (1.5, 1.5, 1.5).
"""
import json
import math
import sys
import time

import numpy as np
import optuna
from optuna._hypervolume import WFG

optuna.logging.set_verbosity(optuna.logging.ERROR)
trials, seeds = int(sys.argv[1]), int(sys.argv[2])


def zdt(shape):
    def objective(t):
        x = [t.suggest_float(f'x{i}', 0, 1) for i in range(12)]
        g = 1 + 9 * sum(x[1:]) / 11
        return x[0], g * shape(x[0], g)
    return objective


def dtlz2(t):
    x = [t.suggest_float(f'x{i}', 0, 1) for i in range(8)]
    g = 1 + sum((v - .5) ** 2 for v in x[2:])
    a, b = x[0] * math.pi / 2, x[1] * math.pi / 2
    return g * math.cos(a) * math.cos(b), g * math.cos(a) * math.sin(b), g * math.sin(a)


PROBLEMS = [
    ('zdt1', zdt(lambda f, g: 1 - math.sqrt(f / g)), [1.1, 6]),
    ('zdt2', zdt(lambda f, g: 1 - (f / g) ** 2), [1.1, 6]),
    ('zdt3', zdt(lambda f, g: 1 - math.sqrt(f / g) - f / g * math.sin(10 * math.pi * f)), [1.1, 6]),
    ('dtlz2', dtlz2, [1.5, 1.5, 1.5]),
]
SAMPLERS = [('random', optuna.samplers.RandomSampler), ('tpe', optuna.samplers.TPESampler), ('nsga2', optuna.samplers.NSGAIISampler)]

for name, objective, reference in PROBLEMS:
    if sys.argv[3:] and name not in sys.argv[3:]:
        continue
    for sampler, make in SAMPLERS:
        volumes, start = [], time.process_time()
        for seed in range(1000, 1000 + seeds):
            study = optuna.create_study(directions=['minimize'] * len(reference), sampler=make(seed=seed))
            study.optimize(objective, n_trials=trials)
            points = np.array([t.values for t in study.trials])
            points = points[(points < np.array(reference)).all(axis=1)]
            volumes.append(WFG().compute(points, np.array(reference)) if len(points) else 0.0)
        print(json.dumps({"problem": name, "sampler": f"optuna {sampler}", "trials": trials, "hypervolume": round(float(np.median(volumes)), 3),
                          "cpu_ms_per_trial": round((time.process_time() - start) / seeds / trials * 1000, 3)}), flush=True)
