"""Writes hashes.json: the buckets of one text's n-grams, from the definition, in plain Python."""
import json
import os

TEXT = "Hi, Zo\u00eb \U0001F600"
PRIME, GOLDEN, BASIS, MASK = 0x100000001B3, 0x9E3779B97F4A7C15, 0xCBF29CE484222325, (1 << 64) - 1


def fold(state, value):
    return ((state ^ value) * PRIME) & MASK


def bucket(state, bits=18):
    return (((state ^ (state >> 32)) * GOLDEN) & MASK) >> (64 - bits)


def text_buckets(text, seed=0):
    start = ((seed * GOLDEN) & MASK) ^ BASIS
    word_start, char_start = fold(start, ord("w")), fold(start, ord("c"))
    padded = " " + " ".join(text.lower().split()) + " "
    result, words, word, previous = [], [], "", None
    for c in padded:
        if c.isalnum():
            word += c
        elif word:
            words.append(word)
            word = ""
    for w in words:
        state = word_start
        for c in w:
            state = fold(state, ord(c))
        if previous is not None:
            rotated = ((previous << 29) | (previous >> 35)) & MASK
            result.append(bucket(fold(rotated, state)))
        result.append(bucket(state))
        previous = state
    for i in range(len(padded)):
        state = char_start
        for j in range(i, min(len(padded), i + 5)):
            state = fold(state, ord(padded[j]))
            if j > i:
                result.append(bucket(state))
                if padded[j] == " ":
                    break
    return result


with open(os.path.join(os.path.dirname(__file__), "hashes.json"), "w", encoding="utf-8") as f:
    json.dump({"text": TEXT, "plain": text_buckets(TEXT), "seed7": text_buckets(TEXT, 7)}, f)
