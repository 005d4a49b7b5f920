# python3 samples/support-desk/baseline.py        (needs scikit-learn)
# What plain methods score on the sample's test files, without any pre-training:
#   intent, sentiment  TF-IDF of words 1-2 and characters 2-5, logistic regression
#   reply              the answer of the nearest training message (same features, cosine)
#   order              logistic regression on each word with its two neighbours on both sides, spans from labelled runs
import json, os, re
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_union

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")


def rows(task, part):
    with open(os.path.join(folder, f"{task}.{part}.jsonl"), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def features():
    return make_union(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
                      TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True))


def classify(task):
    train, test = rows(task, "train"), rows(task, "test")
    bag = features()
    x, y = bag.fit_transform([r["text"] for r in train]), bag.transform([r["text"] for r in test])
    model = LogisticRegression(C=10, max_iter=1000).fit(x, [r["label"] for r in train])
    truth, guess = [r["label"] for r in test], model.predict(y)
    print(f"{task}: accuracy {accuracy_score(truth, guess):.3f}, macro-F1 {f1_score(truth, guess, average='macro'):.3f} ({len(test)} rows)")


def rouge_l(a, b):
    a, b = re.findall(r"\w+", a.lower()), re.findall(r"\w+", b.lower())
    row = [0] * (len(b) + 1)
    for x in a:
        previous = 0
        for j, y in enumerate(b):
            previous, row[j + 1] = row[j + 1], previous + 1 if x == y else max(row[j + 1], row[j])
    return 2 * row[-1] / (len(a) + len(b))


def reply():
    train, test = rows("reply", "train"), rows("reply", "test")
    bag = features()
    x, y = bag.fit_transform([r["text"] for r in train]), bag.transform([r["text"] for r in test])
    nearest = (y @ x.T).toarray().argmax(axis=1)
    score = sum(rouge_l(train[n]["target"], r["target"]) for n, r in zip(nearest, test)) / len(test)
    print(f"reply: ROUGE-L {score:.3f} ({len(test)} rows)")


def words(row):
    found = [(m.start(), m.end(), m.group()) for m in re.finditer(r"\w+|[^\w\s]", row["text"])]
    labels = [next(((("B-" if s == a else "I-") + name) for a, b, name in row["spans"] if a <= s < b), "O") for s, _, _ in found]
    shape = lambda w: re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"\d", "9", w)))
    seen = []
    for i in range(len(found)):
        f = {}
        for d in range(-2, 3):
            w = found[i + d][2] if 0 <= i + d < len(found) else ""
            f[f"{d}w"], f[f"{d}s"], f[f"{d}e"] = w.lower(), shape(w), w[-3:].lower()
        seen.append(f)
    return found, labels, seen


def order():
    train, test = [words(r) for r in rows("order", "train")], rows("order", "test")
    table = DictVectorizer()
    x = table.fit_transform([f for _, _, fs in train for f in fs])
    model = LogisticRegression(C=10, max_iter=1000).fit(x, [label for _, ls, _ in train for label in ls])
    right = guessed = wanted = 0
    for row in test:
        found, _, fs = words(row)
        spans = []
        for (start, end, _), label in zip(found, model.predict(table.transform(fs))):
            if label.startswith("I-") and spans and spans[-1][2] == label[2:]:
                spans[-1][1] = end
            elif label != "O":
                spans.append([start, end, label[2:]])
        truth = [tuple(s) for s in row["spans"]]
        right += sum(tuple(s) in truth for s in spans)
        guessed, wanted = guessed + len(spans), wanted + len(truth)
    print(f"order: span-F1 {2 * right / (guessed + wanted):.3f} ({len(test)} rows, {wanted} spans)")


classify("intent")
classify("sentiment")
reply()
order()
