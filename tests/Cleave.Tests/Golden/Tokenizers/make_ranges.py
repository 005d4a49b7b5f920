"""Makes ranges.json: where Python's re, which sees whole characters, finds classes whose ranges lie below, beyond and across
U+FFFF. Oniguruma and Rust's regex give a range of a class the same meaning: all numbers from the first to the last.
Patterns are written in Oniguruma's syntax; for Python, \\x{…} becomes \\U…, and an intersection becomes a look-ahead (ALSO).
A text's answer is the ends, in UTF-16 units, of its matches and of what lies between them.
Usage: python3 make_ranges.py > ranges.json
"""
import json
import random
import re

PATTERNS = [
    r"[\x{0}-\x{1F600}]+", r"[^\x{0}-\x{1F600}]+", r"[\x{10000}-\x{10FFFF}]", r"[^\x{10000}-\x{10FFFF}]+", "[a-\U0001F600]{2}", r"[\u4E00-\x{2FA1F}]+",
    "[\u4E00-\u9FA5\u3041-\u309F]+", r"[\u0000-\uFFFF]+", r"[^\u0000-\uFFFF]+", r"[\x{0}-\x{D7FF}\x{E000}-\x{10FFFF}]+", r"[!-\x{1F64F}a-z]+",
    r"[\u2600-\u27BF\x{1F300}-\x{1FAFF}]+", r"[\u2700-\x{1F300}]+|[\x{1F301}-\x{1F5FF}]", r"[\u2800-\u2803]+", "\u2801+|\u2800", "\u4DC0|\U0001F600+",
    r"[\x{E000}-\x{F8FF}\x{F0000}-\x{10FFFD}]+", r"x[^a-\x{FFFFF}]?", r"[\x{1F3FB}-\x{1F3FF}]|.[\x{1F3FB}-\x{10FFFF}]*", r"[\uA000-\uA48C]+|[\U0001F600-\U0001F64F]",
    r"[-\x{1F600}]+", r"[\x{1F600}-]+", r"[\s\u0100-\x{1D7FF}]+", r"[^\s\u0100-\x{1D7FF}]+", r"[\]\\-\x{10001}]+", r"[\x00-\x7F]+", r"[\n\t -~]+",
]
ALSO = [
    (r"[\x{0}-\x{1F600}&&[^a-z]]+", r"(?:(?![a-z])[\U00000000-\U0001F600])+"),
    (r"[\u2000-\x{1FFFF}&&[\x{0}-\x{1F64F}]]", r"[\U00002000-\U0001F64F]"),
    (r"[a-c[\x{FFF0}-\x{10010}]]+", r"[a-c\U0000FFF0-\U00010010]+"),
    (r"[a-[b\x{1F600}]]+", r"[ab\U0001F600\-]+"),
]
# What .NET's expressions may be shown instead of a character beyond U+FFFF, among it.
POOL = [0, 9, 10, 0x20, 0x21, 0x2D, 0x41, 0x5C, 0x5D, 0x61, 0x62, 0x63, 0x7A, 0xE9, 0x1C5, 0x300, 0x1AB0, 0x1B35, 0x1C24, 0x1D2C, 0x1DC1, 0x20A1, 0x2181, 0x2475,
        0x2600, 0x2702, 0x2800, 0x2801, 0x2802, 0x28FF, 0x2A00, 0x2AFF, 0x2E02, 0x2E0E, 0x2E17, 0x2E18, 0x2E3A, 0x3041, 0x3400, 0x3401, 0x4DC0, 0x4E00, 0x6F22, 0x9FA5, 0xA000,
        0xA001, 0xA48C, 0xA620, 0xA621, 0xA700, 0xA709, 0xA830, 0xA838, 0xA9CF, 0xAB70, 0xAB71, 0x13A0, 0x13A1, 0x16A0, 0x16EE, 0xE000, 0xE100, 0xE101, 0xFDD0, 0xFDD1, 0xFFF9,
        0xFFFD, 0xFFFF, 0x10000, 0x10001, 0x10400, 0x10428, 0x10EAD, 0x1D165, 0x1D400, 0x1D7D8, 0x1D7FF, 0x1E2FF, 0x1F1E6, 0x1F300, 0x1F301, 0x1F3FB, 0x1F3FF, 0x1F44D,
        0x1F5FF, 0x1F600, 0x1F601, 0x1F64F, 0x1F680, 0x20000, 0x2A6DF, 0x2FA1F, 0x3FFFF, 0xE0001, 0xE0100, 0xF0000, 0xFFFFF, 0x100000, 0x10FFFD, 0x10FFFF]


def for_python(pattern):
    return re.sub(r"\\x\{([0-9A-Fa-f]+)\}", lambda m: r"\U" + m[1].zfill(8), pattern)


def for_onig(pattern):
    return re.sub(r"\\U([0-9A-Fa-f]{8})", lambda m: r"\x{" + m[1].lstrip("0") + "}", pattern)


def drawn(draw):
    """A class of one to four ranges between two numbers of the pool, negated every other time."""
    ranges = [sorted(draw.choices(POOL, k=2)) for _ in range(draw.randint(1, 4))]
    inside = "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in ranges)
    return f"[{'^' if draw.random() < 0.5 else ''}{inside}]{draw.choice(['', '+', '{2}'])}"


def ends(pattern, text):
    units = [0]
    for c in text:
        units.append(units[-1] + (2 if ord(c) > 0xFFFF else 1))
    done, found = 0, []
    for match in re.finditer(pattern, text):
        if match.start() > done:
            found.append(units[match.start()])
        if match.end() > match.start():
            found.append(units[match.end()])
        done = match.end()
    if done < len(text):
        found.append(units[-1])
    return found


def main():
    draw = random.Random(16)
    texts = ["ok \U0001F44D fine\U0001F600\U0001F601", "漢字\U00020000\U00020001 a\U0001D400-\\]", "x\U0001F3FBx\U0010FFFFxa\u4DC0\u2801\uA000\uE000"]
    texts += ["".join(chr(c) for c in draw.choices(POOL, k=40)) for _ in range(12)]
    texts.append("".join(map(chr, POOL)))
    pairs = [(for_onig(p), for_python(p)) for p in PATTERNS] + ALSO + [(p, for_python(p)) for p in (drawn(draw) for _ in range(120))]
    cases = [{"pattern": onig, "ends": [ends(python, t) for t in texts]} for onig, python in pairs]
    print(json.dumps({"texts": texts, "cases": cases}, separators=(",", ":")))


if __name__ == "__main__":
    main()
