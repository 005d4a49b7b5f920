"""Writes metrics.json: scores of made-up predictions by independent implementations.

Run with Debian's python3, python3-sklearn (1.2.1) and python3-scipy (1.10.1):
    python3 make_metrics.py > metrics.json

labels        scikit-learn: accuracy, F1, macro F1, Matthews, per-label scores, confusion matrix
texts         exact match and token F1 as defined for SQuAD (Rajpurkar et al. 2016), ROUGE-L F1 as defined by
              Lin (2004) with the usual tokens (lower case, [a-z0-9]+), by the plain recursive definition of the
              longest common subsequence
wilson        scipy.stats.binomtest(...).proportion_ci(method="wilson")
mcnemar       scipy.stats.binomtest on the discordant pairs
tango         Tango's statistic with the restricted likelihood maximised numerically, bounds by root finding
temperature   the loss minimised by scipy
calibration   equal-width bins by numpy
"""
import collections
import functools
import json
import random
import re
import string

import numpy as np
from scipy import optimize, stats
from sklearn import metrics

rng = random.Random(20240501)


def labels():
    cases = []
    for names, n, right in [(["no", "yes"], 40, 0.8), (["a", "b", "c", "d", "e"], 120, 0.6), (["0", "1"], 200, 0.95),
                            (["x", "y", "z"], 30, 0.0), (["p", "q"], 12, 1.0)]:
        truth = [names[min(int(rng.expovariate(1.2)), len(names) - 1)] for _ in range(n)]
        found = [t if rng.random() < right else rng.choice(names + ["other"] if len(names) == 5 else names) for t in truth]
        counts = collections.Counter(truth)
        minority = min(sorted(counts, reverse=True), key=lambda k: counts[k])
        order = sorted(set(truth) | set(found))
        p, r, f, s = metrics.precision_recall_fscore_support(truth, found, labels=order, zero_division=0)
        case = {
            "truth": truth, "found": found,
            "accuracy": metrics.accuracy_score(truth, found),
            "macro-f1": metrics.f1_score(truth, found, average="macro", zero_division=0),
            "matthews": metrics.matthews_corrcoef(truth, found),
            "labels": order, "precision": p.tolist(), "recall": r.tolist(), "f1-each": f.tolist(), "support": s.tolist(),
            "confusion": metrics.confusion_matrix(truth, found, labels=order).tolist(),
        }
        if len(counts) == 2:
            case["positive"] = minority
            case["f1"] = metrics.f1_score(truth, found, labels=[minority], average="macro", zero_division=0)
        else:
            case["f1"] = metrics.f1_score(truth, found, average="micro", zero_division=0)
        cases.append(case)
    return cases


def squad(text):
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def token_f1(gold, found):
    g, f = squad(gold).split(), squad(found).split()
    if not g or not f:
        return float(g == f)
    common = sum((collections.Counter(g) & collections.Counter(f)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(f), common / len(g)
    return 2 * precision * recall / (precision + recall)


def rouge_l(gold, found):
    g, f = re.findall("[a-z0-9]+", gold.lower()), re.findall("[a-z0-9]+", found.lower())

    @functools.lru_cache(None)
    def lcs(i, j):
        if i == 0 or j == 0:
            return 0
        return lcs(i - 1, j - 1) + 1 if g[i - 1] == f[j - 1] else max(lcs(i - 1, j), lcs(i, j - 1))

    n = lcs(len(g), len(f))
    if n == 0:
        return 0.0
    precision, recall = n / len(f), n / len(g)
    return 2 * precision * recall / (precision + recall)


def texts():
    words = ["the", "a", "card", "Card.", "an", "arrived", "on", "Monday,", "don't", "3.50", "(late)", "was", "not", "The", "in-store", "café"]
    pairs = [("The card arrived.", "card arrived"), ("", ""), ("", "card"), ("the", "a"), ("yes", "No!"),
             ("police killed the gunman", "the gunman police killed"), ("police killed the gunman", "police kill the gunman"),
             ("it's 5 o'clock", "its 5 oclock"), ("Caf\u00e9 on Monday", "caf on monday"), ("the\u2013card a\u2019s", "card s"), ("An \u00e0 the", "\u00c0")]
    for _ in range(60):
        gold = " ".join(rng.choice(words) for _ in range(rng.randint(0, 14)))
        found = " ".join(w for w in gold.split() if rng.random() < 0.7) if rng.random() < 0.6 else \
            " ".join(rng.choice(words) for _ in range(rng.randint(0, 14)))
        pairs.append((gold, found))
    return [{"gold": g, "found": f, "exact-match": float(squad(g) == squad(f)), "token-f1": token_f1(g, f), "rouge-l": rouge_l(g, f)}
            for g, f in pairs]


def wilson():
    out = []
    for k, n, c in [(0, 10, 0.95), (10, 10, 0.95), (7, 10, 0.9), (850, 1000, 0.95), (1, 3, 0.99), (2816, 3080, 0.95)]:
        interval = stats.binomtest(k, n).proportion_ci(c, "wilson")
        out.append({"successes": k, "items": n, "confidence": c, "low": interval.low, "high": interval.high})
    return out


def mcnemar():
    return [{"first": b, "second": c, "p": stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0}
            for b, c in [(0, 0), (5, 5), (1, 9), (20, 35), (300, 240), (0, 6)]]


def tango_z(b, c, n, delta):
    low, high = max(0.0, -delta), (1 - delta) / 2

    def loss(q):
        total = 0.0
        for count, p in [(b, q + delta), (c, q), (n - b - c, 1 - 2 * q - delta)]:
            if count:
                total -= count * np.log(max(p, 1e-300))
        return total

    # The loss is convex on the interval; a golden-section search needs nothing else.
    q = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-13, "maxiter": 2000}).x
    if loss(low) <= loss(q):
        q = low
    return (b - c - n * delta) / np.sqrt(n * (2 * q + delta * (1 - delta)))


def tango():
    out = []
    for b, c, n, margin in [(8, 12, 200, 0.05), (0, 0, 50, 0.02), (43, 40, 3080, 0.01), (3, 10, 100, 0.1), (0, 4, 60, 0.05), (25, 20, 872, 0.02)]:
        z = stats.norm.ppf(0.95)
        bound = optimize.brentq(lambda d: tango_z(b, c, n, d) - z, -0.9, (b - c) / n - 1e-12, xtol=1e-13)
        out.append({"first": b, "second": c, "items": n, "margin": margin,
                    "p": float(stats.norm.sf(tango_z(b, c, n, -margin))), "bound": bound})
    return out


def temperature():
    generator = np.random.default_rng(5)
    out = []
    for scale, classes, n in [(4.0, 3, 200), (0.5, 5, 300)]:
        clean = generator.normal(size=(n, classes))
        p = np.exp(clean) / np.exp(clean).sum(1, keepdims=True)
        y = np.array([generator.choice(classes, p=row) for row in p])
        z = np.round(clean * scale, 3).astype(np.float32).astype(np.float64)

        def loss(t):
            s = z / t
            return float(np.mean(np.log(np.exp(s - s.max(1, keepdims=True)).sum(1)) + s.max(1) - s[np.arange(n), y]))

        best = optimize.minimize_scalar(loss, bounds=(0.05, 100), method="bounded", options={"xatol": 1e-10})
        out.append({"logits": z.round(3).tolist(), "labels": y.tolist(), "temperature": best.x, "before": loss(1.0), "after": best.fun})
    return out


def calibration():
    generator = np.random.default_rng(6)
    confidences = np.round(generator.beta(4, 2, size=150), 4)
    right = generator.random(150) < confidences ** 1.5
    error, largest = 0.0, 0.0
    edges = np.linspace(0, 1, 11)
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidences > low) & (confidences <= high)
        if inside.any():
            gap = abs(confidences[inside].mean() - right[inside].mean())
            error += inside.mean() * gap
            largest = max(largest, gap)
    return {"confidences": confidences.tolist(), "right": right.tolist(), "bins": 10, "error": error, "largest": largest}


print(json.dumps({"labels": labels(), "texts": texts(), "wilson": wilson(), "mcnemar": mcnemar(), "tango": tango(),
                  "temperature": temperature(), "calibration": calibration()}))
