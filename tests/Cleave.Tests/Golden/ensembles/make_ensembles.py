#!/usr/bin/python3
"""SAMME and stacking from their papers' formulas in double precision, with NumPy alone.

usage: make_ensembles.py FILE   writes ensembles.json

samme: boosted decision stumps on points of K classes. Each stump minimises the weighted error over all cuts of one coordinate and all pairs of
labels. For every round the stump's answers, its weight alpha and the items' weights behind it; at the end the votes for each class.
stacking: a multinomial logistic regression C*sum(loss) + |W|^2/2 with free intercepts on the probabilities of M members (of two classes: the
second's alone), by Newton's method until the gradient is below 1e-10; then the probabilities that it gives for new rows.
"""
import json, sys
import numpy as np
rng = np.random.default_rng(20)


def stump(x, y, w, k):
    best = None
    for d in range(x.shape[1]):
        for cut in np.unique(x[:, d])[:-1]:
            low = x[:, d] <= cut
            left = np.bincount(y[low], w[low], k)
            right = np.bincount(y[~low], w[~low], k)
            right_mass = left.max() + right.max()
            if best is None or right_mass > best[0] + 1e-12:
                best = (right_mass, np.where(low, left.argmax(), right.argmax()))
    return best[1]


def samme(k, n, rounds, noise):
    x = np.round(rng.normal(size=(n, 3)), 3)
    y = (np.digitize(x[:, 0] + 0.7 * x[:, 1] + noise * rng.normal(size=n), np.linspace(-1, 1, k - 1))).astype(int)
    w, votes, out = np.full(n, 1 / n), np.zeros((n, k)), []
    for _ in range(rounds):
        answer = stump(x, y, w, k)
        wrong = answer != y
        error = w[wrong].sum() / w.sum()
        alpha = np.log((1 - error) / error) + np.log(k - 1)
        w = w * np.exp(alpha * wrong)
        w /= w.sum()
        votes[np.arange(n), answer] += alpha
        out.append({"answers": answer.tolist(), "alpha": alpha, "weights": w.tolist()})
    return {"classes": k, "labels": y.tolist(), "rounds": out, "votes": votes.tolist()}


def features(p):                       # (M, N, K) -> (N, columns)
    p = p[:, :, 1:] if p.shape[2] == 2 else p
    return np.concatenate(list(p), axis=1)


def fit(f, y, k, c):
    n, outputs = len(y), 1 if k == 2 else k
    a = np.hstack([f, np.ones((n, 1))])
    w = np.zeros((a.shape[1], outputs))
    penalty = np.ones_like(w)
    penalty[-1] = 0

    def probabilities(w, a):
        z = a @ w
        z = np.hstack([np.zeros((len(z), 1)), z]) if outputs == 1 else z
        z = np.exp(z - z.max(axis=1, keepdims=True))
        return z / z.sum(axis=1, keepdims=True)

    target = np.eye(k)[y]
    for _ in range(100):
        p = probabilities(w, a)
        residual = (p - target)[:, k - outputs:]
        gradient = c * a.T @ residual + penalty * w
        if np.abs(gradient).max() < 1e-10:
            break
        q = p[:, k - outputs:]
        size = w.size
        hessian = np.zeros((size, size))
        for i in range(n):
            hessian += c * np.kron(np.outer(a[i], a[i]), np.diag(q[i]) - np.outer(q[i], q[i]))
        hessian += np.diag(penalty.ravel())
        w = w - np.linalg.lstsq(hessian, gradient.ravel(), rcond=1e-12)[0].reshape(w.shape)
    return lambda p: probabilities(w, np.hstack([features(p), np.ones((p.shape[1], 1))]))


def said(y, k, sharpness):             # what a member of some skill says
    z = sharpness * np.eye(k)[y] + rng.normal(size=(len(y), k))
    z = np.exp(z - z.max(axis=1, keepdims=True))
    return z / z.sum(axis=1, keepdims=True)


def stacking(k, members, n, c):
    y, fresh = rng.integers(0, k, n), rng.integers(0, k, 12)
    train = np.round(np.stack([said(y, k, s) for s in np.linspace(0.5, 2.5, members)]), 6)
    test = np.round(np.stack([said(fresh, k, s) for s in np.linspace(0.5, 2.5, members)]), 6)
    model = fit(features(train), y, k, c)
    return {"classes": k, "c": c, "labels": y.tolist(), "train": train.tolist(), "test": test.tolist(), "expected": model(test).tolist()}


json.dump({
    "samme": [samme(2, 50, 6, 0.6), samme(4, 60, 6, 0.3)],
    "stacking": [stacking(2, 3, 80, 1.0), stacking(3, 2, 90, 1.0), stacking(4, 3, 100, 0.2)],
}, open(sys.argv[1], "w"))
