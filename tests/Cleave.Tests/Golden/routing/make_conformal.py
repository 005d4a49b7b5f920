"""Writes conformal.json: thresholds of conformal risk control by its definition, in exact fractions.

Run with Python 3, nothing else needed:
    python3 make_conformal.py > conformal.json

For each case the least threshold t among minus infinity and the confidences is searched for with
(sum of the losses of the items with confidence > t, plus most) / (n + 1) <= risk (Angelopoulos et al. 2022, theorem 1);
where there is none, every item is handed over.
"""
import json
import random
from fractions import Fraction

rng = random.Random(2022)
cases = []
for number in range(40):
    n = rng.choice([1, 3, 10, 40, 200])
    confidences = [Fraction(rng.randrange(0, 101 if number % 2 else 11), 100 if number % 2 else 10) for _ in range(n)]
    losses = [Fraction(rng.choice([0, 0, 0, 0, 25, 50, 100]), 100) for _ in range(n)]
    risk, most = Fraction(rng.choice([1, 2, 5, 10, 20, 40]), 100), Fraction(1)
    for t in [Fraction(-1)] + sorted(set(confidences)):
        left = sum(l for c, l in zip(confidences, losses) if c > t)
        if (left + most) / (n + 1) <= risk:
            handed = sum(c <= t for c in confidences)
            break
    else:
        handed, left = n, Fraction(0)
    cases.append({"confidences": [float(c) for c in confidences], "losses": [float(l) for l in losses], "risk": float(risk), "handed_over": handed, "left": float(left)})
print(json.dumps(cases))
