"""Writes logistic.json with scikit-learn 1.2: probabilities of logistic regression on TF-IDF.

A small fixture of its own, and the accuracy on the intents of BANKING77 that are easily confused (python3 make_logistic.py FOLDER,
the folder with train.csv and test.csv).
"""
import csv
import json
import os
import random
import sys

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion


def fit(texts, labels):
    features = FeatureUnion([
        ("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)),
        ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)),
    ])
    x = features.fit_transform(texts)
    model = LogisticRegression(C=10, max_iter=5000, tol=1e-6).fit(x, labels)
    return lambda t: model.predict_proba(features.transform(t))


def fixture():
    rng = random.Random(11)
    telling = [["card", "plastic", "chip"], ["transfer", "wire", "iban"], ["pin", "passcode", "unlock"]]
    filler = "please my the help why when did not today account is was".split()
    texts, labels = [], []
    for i in range(48):
        label = i % 3
        words = [rng.choice(filler) for _ in range(5)]
        words[rng.randrange(5)] = rng.choice(telling[label if rng.random() < 0.9 else rng.randrange(3)])
        texts.append(" ".join(words))
        labels.append(label)
    return texts, labels


texts, labels = fixture()
train, test = slice(0, 36), slice(36, None)
result = {"texts": texts, "labels": labels, "train": 36}
result["three"] = fit(texts[train], labels[train])(texts[test]).tolist()
two = [min(label, 1) for label in labels]
result["two"] = fit(texts[train], two[train])(texts[test]).tolist()


def bank(name):
    with open(os.path.join(sys.argv[1], name), newline="", encoding="utf-8") as f:
        return [(row["text"], row["category"]) for row in csv.DictReader(f)]


rows, test_rows = bank("train.csv"), bank("test.csv")
names = sorted({c for _, c in rows if c.startswith(("pending_", "top_up_", "transfer_"))})
predict = fit([t for t, c in rows if c in names], [names.index(c) for t, c in rows if c in names])
chosen = [(t, names.index(c)) for t, c in test_rows if c in names]
guesses = predict([t for t, _ in chosen]).argmax(1)
result["bank"] = {"names": names, "accuracy": float(sum(g == c for g, (_, c) in zip(guesses, chosen)) / len(chosen))}

with open(os.path.join(os.path.dirname(__file__), "logistic.json"), "w", encoding="utf-8") as f:
    json.dump(result, f, indent=0)
