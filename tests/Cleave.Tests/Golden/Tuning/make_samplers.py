#!/usr/bin/python3
"""Golden values for the samplers, by NumPy and SciPy (1.10): the plain Sobol sequence, and the posterior and the likelihood of a Gaussian process."""
import json, sys, numpy as np
from scipy.stats import qmc, norm
from scipy.linalg import cho_factor, cho_solve
sobol = qmc.Sobol(64, scramble=False).random(64)
rng = np.random.default_rng(5)
x, y, at = rng.random((9, 3)), rng.standard_normal(9), rng.random((4, 3))
w, noise = np.array([4.0, 0.5, 9.0]), 0.01
def kernel(a, b):
    s = np.sqrt(5 * ((a[:, None] - b[None]) ** 2 * w).sum(-1))
    return (1 + s + s * s / 3) * np.exp(-s)
k = kernel(x, x) + noise * np.eye(9)
f = cho_factor(k, lower=True)
variance = (y @ cho_solve(f, y) + 2) / 11
ks = kernel(at, x)
mean = ks @ cho_solve(f, y)
deviation = np.sqrt(variance * (1 - np.einsum('ij,ji->i', ks, cho_solve(f, ks.T))))
z = np.array([-40.0, -11.0, -3.0, 0.0, 2.5])
import mpmath as mp
mp.mp.dps = 50
gain = [float(mp.log(mp.npdf(v) + mp.mpf(v) * mp.ncdf(v))) for v in z]
json.dump({"sobol": sobol[[1, 2, 3, 37, 63]].round(12).tolist(), "x": x.tolist(), "y": y.tolist(), "at": at.tolist(), "weights": w.tolist(), "noise": noise,
           "mean": mean.tolist(), "deviation": deviation.tolist(), "z": z.tolist(), "gain": gain}, sys.stdout)
