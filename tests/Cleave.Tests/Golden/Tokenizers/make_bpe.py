#!/usr/bin/env python3
"""Makes bpe.json: a byte-level BPE trained and applied by a plain, slow implementation.

Independent of Cleave: Python's `regex` module splits, pairs are recounted from scratch after every merge, and a
word is encoded by replaying all merges in order of rank. Run: python3 make_bpe.py > bpe.json
"""
import collections
import json

import regex

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")

CORPUS = """A tokenizer cuts text into pieces. The pieces that are seen most often become tokens of their own.
It's said that we'll see 12, 123, 1234 and 12345 pieces; they're all numbers, aren't they?
the cat, the hat, the bat: that's what the cat sat on. The bat sat. The hat didn't.
Größe, Straße, naïve café, déjà vu. 你好，世界。 你好你好。 Привет, мир! \U0001F44D\U0001F3FD \U0001F44D\U0001F44D
    indented    code(x);\n\n\n\tif (x > 0) { return x ** 2; }\r\n  // done...   \n"""

TEXTS = [
    "", " ", "  ", "   x", "x   ", "\n", " \n ", "\n\n  \n x", "\r\n\r\nx", "\t\tx", "the cat", " the cats' hats",
    "It's IT'S we'll WE'LL 'tis 'Twas they're THEY'VE I'd 'D 'x", "1 12 123 1234 12345 ½ Ⅷ ٣٤٥٦", "x1y22z333",
    "a.b.c...d!!!\n\n?", "...\r\n\r\n", "naïve café", "e\u0301 combining", "你好世界", "Привет", "\U0001F44D\U0001F3FD!",
    "a\U0001F44Db \U0001D400\U0001D401 \U0001D7D8\U0001D7D9\U0001D7DA\U0001D7DB", "\u00a0x\u3000y\u2028z\u0085w", "\u200bzero\ufeff",
    "\x00\x01\x7f", "tokenizertokenizer", "_under_score __init__", "$100 €200 ¥3", "'\u017ft 'S 'ſ", "x  \n  y", "x \t\r\n\n \t y",
    "(x > 0) { return x ** 2; }", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
]


def alphabet():
    printable = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    others = [b for b in range(256) if b not in printable]
    return {**{b: chr(b) for b in printable}, **{b: chr(256 + i) for i, b in enumerate(others)}}


ALPHABET = alphabet()


def words(text, pattern):
    return ["".join(ALPHABET[b] for b in word.encode()) for word in regex.findall(pattern, text)]


def raw(token):
    back = {c: b for b, c in ALPHABET.items()}
    return bytes(back[c] for c in token)


def merge(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == pair:
            out.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def train(text, pattern, size):
    vocabulary = list(ALPHABET.values())
    corpus = [list(word) for word in words(text, pattern)]
    merges = []
    while len(vocabulary) < size:
        counts = collections.Counter(pair for word in corpus for pair in zip(word, word[1:]))
        best = max(counts, key=lambda pair: (counts[pair], raw(pair[0]), raw(pair[1])))
        merges.append(best)
        if "".join(best) not in vocabulary:
            vocabulary.append("".join(best))
        corpus = [merge(word, best) for word in corpus]
    return vocabulary, merges


def encode(text, pattern, vocabulary, merges):
    ids = []
    for word in words(text, pattern):
        symbols = list(word)
        for pair in merges:
            symbols = merge(symbols, pair)
        ids += [vocabulary.index(s) for s in symbols]
    return ids


def main():
    result = {"corpus": CORPUS, "patterns": []}
    for name, pattern in (("gpt2", GPT2), ("llama3", LLAMA3)):
        vocabulary, merges = train(CORPUS, pattern, 340)
        result["patterns"].append({
            "name": name,
            "pattern": pattern,
            "merges": [" ".join(pair) for pair in merges],
            "vectors": [{"text": t, "words": [len(w.encode("utf-16-le")) // 2 for w in regex.findall(pattern, t)],
                         "ids": encode(t, pattern, vocabulary, merges)} for t in TEXTS],
        })
    print(json.dumps(result, indent=1))


main()
