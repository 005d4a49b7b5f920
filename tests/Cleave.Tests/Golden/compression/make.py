"""Writes compression.json: the algorithms of pruning and quantization in double precision, from their papers, with NumPy.

Run with Debian's python3 and python3-numpy (1.24):
    python3 make.py > compression.json

Weights and activations come from a generator of a few lines that the test repeats, so only results are stored.

magnitude   the smallest |w| of the matrix
wanda       the smallest |w| * ||x_j|| of each row (Sun et al., 2023)
sparsegpt   the pseudocode of Frantar and Alistarh (2023): blocks of 128 columns share a mask, errors go to later columns;
            anywhere (half of a block's weights) and 2:4
gptq        the pseudocode of Frantar et al. (2022) with groups of 32 in Q4_0: d = half(-(the value of largest magnitude) / 8),
            codes 0 to 15 less 8
awq         the factors mean|x|^a (Lin et al., 2023), divided by sqrt(max * min), with the a of 0, 0.05 ... 1 of least error in the
            outputs, for blocks of 32 with 8 bits (Q8_0)
smooth      max|x|^0.5 / max|w|^0.5 (Xiao et al., 2022)
eigen       eigenvalues of the activations' products by LAPACK
"""
import json

import numpy as np

ROWS, N, TOKENS = 4, 288, 700


def uniform(count, seed):
    state, out = seed, np.empty(count)
    for i in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out[i] = (state >> 40) / 2**24 - 0.5
    return out


def make():
    w = uniform(ROWS * N, 1).reshape(ROWS, N).astype(np.float32)
    u = uniform(TOKENS * N, 2).reshape(TOKENS, N)
    x = np.zeros((TOKENS, N))
    for i in range(N):
        scale = 5.0 if i % 17 == 0 else 1.0
        x[:, i] = u[:, i] * scale + (0.6 * x[:, i - 1] if i else 0)
    return w.astype(np.float64), x


def upper_of_inverse(h):
    damped = h + 0.01 * np.mean(np.diag(h)) * np.eye(N)
    return np.linalg.cholesky(np.linalg.inv(damped)).T  # H^-1 = U^T U


def lowest(scores, count):
    mask = np.zeros(scores.size, bool)
    mask[np.argsort(scores.ravel(), kind="stable")[:count]] = True
    return mask.reshape(scores.shape)


def sparsegpt(w, u, group):
    w, block = w.copy(), 128
    for first in range(0, N, block):
        end = min(first + block, N)
        mask = np.zeros((ROWS, end - first), bool)
        if not group:
            scores = w[:, first:end] ** 2 / np.diag(u)[first:end] ** 2
            mask = lowest(scores, scores.size // 2)
        errors = np.zeros((ROWS, end - first))
        for i in range(first, end):
            if group and (i - first) % 4 == 0:
                for r in range(ROWS):
                    mask[r, i - first:i - first + 4] = lowest(w[r, i:i + 4] ** 2 / np.diag(u)[i:i + 4] ** 2, 2)
            q = np.where(mask[:, i - first], 0, w[:, i])
            errors[:, i - first] = (w[:, i] - q) / u[i, i]
            w[:, i:end] -= np.outer(errors[:, i - first], u[i, i:end])
            w[:, i] = q
        w[:, end:] -= errors @ u[first:end, end:]
    return w


def gptq(w, u):
    w, codes = w.copy(), np.zeros((ROWS, N), int)
    d = np.zeros(ROWS)
    for i in range(N):
        if i % 32 == 0:
            part = w[:, i:i + 32].astype(np.float32)
            for r in range(ROWS):
                largest = part[r, np.argmax(np.abs(part[r]))]
                d[r] = float(np.float16(largest / np.float32(-8)))
        codes[:, i] = np.clip(np.round(w[:, i] / d) + 8, 0, 15)
        error = (w[:, i] - (codes[:, i] - 8) * d) / u[i, i]
        w[:, i + 1:] -= np.outer(error, u[i, i + 1:])
        w[:, i] = (codes[:, i] - 8) * d
    return w


def q8(w):
    out = np.zeros_like(w)
    for r in range(ROWS):
        for b in range(0, N, 32):
            part = w[r, b:b + 32].astype(np.float32)
            most = np.abs(part).max()
            q = np.round(part * (np.float32(127) / most))
            out[r, b:b + 32] = q * float(np.float16(most / np.float32(127)))
    return out


def awq(w, x, h):
    size, best = np.abs(x).mean(0), (np.inf, None, None)
    for step in range(21):
        s = np.maximum(size, 1e-4) ** (step / 20)
        s = s / np.sqrt(s.max() * s.min())
        delta = q8(w * s) / s - w
        error = np.einsum("ri,ij,rj->", delta, h, delta)
        if error < best[0]:
            best = (error, step, s)
    return best


w, x = make()
h = x.T @ x / TOKENS
u = upper_of_inverse(h)
norms = np.sqrt(np.mean(x * x, 0))
error, step, factors = awq(w, x, h)


def bits(mask):
    return "".join("1" if m else "0" for m in mask.ravel())


def numbers(a):
    return [float(f"{v:.8g}") for v in np.asarray(a).ravel()]


json.dump({
    "magnitude": bits(lowest(np.abs(w), w.size // 2)),
    "wanda": "".join(bits(lowest(np.abs(row) * norms, N // 2)) for row in w),
    "sparsegpt": numbers(sparsegpt(w, u, False)),
    "sparsegpt_2_4": numbers(sparsegpt(w, u, True)),
    "gptq": numbers(gptq(w, u)),
    "awq_step": step,
    "awq": numbers(factors),
    "smooth": numbers(np.sqrt(np.abs(x).max(0) / np.abs(w).max(0))),
    "eigenvalues": numbers(np.linalg.eigvalsh(h)[::-1]),
}, __import__("sys").stdout, separators=(",", ":"))
print()
