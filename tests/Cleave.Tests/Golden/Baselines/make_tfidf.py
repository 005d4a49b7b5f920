"""Writes tfidf.json: TF-IDF of a few texts, with scikit-learn 1.2 (apt-get install python3-sklearn).

For each setting, the vocabulary's size and each text's weights by n-gram.
"""
import json
import os

from sklearn.feature_extraction.text import TfidfVectorizer

TEXTS = [
    "I am still waiting on my card?",
    "What can I do if my card still hasn't arrived after 2 weeks?",
    "a b c  the the the THE card, card; CARD!",
    "Überweisung nach Zürich kostet 3€ – ça va?",
    "snake_case and naïve café tests\twith\ttabs\nand lines",
    "x",
    "",
    "unseen-words: don't e.g. U.S.A. 3.14",
]

SETTINGS = {
    "words": dict(analyzer="word", ngram_range=(1, 2)),
    "characters": dict(analyzer="char_wb", ngram_range=(2, 5)),
}

result = {"texts": TEXTS, "train": 6}
for name, setting in SETTINGS.items():
    vectorizer = TfidfVectorizer(sublinear_tf=True, **setting).fit(TEXTS[: result["train"]])
    names = vectorizer.get_feature_names_out()
    rows = vectorizer.transform(TEXTS)
    result[name] = {
        "size": len(names),
        "rows": [{names[j]: float(v) for j, v in zip(rows[i].indices, rows[i].data)} for i in range(len(TEXTS))],
    }

with open(os.path.join(os.path.dirname(__file__), "tfidf.json"), "w", encoding="utf-8") as f:
    json.dump(result, f, ensure_ascii=False, indent=0, sort_keys=True)
