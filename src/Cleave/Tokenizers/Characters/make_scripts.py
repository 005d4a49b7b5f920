"""Packs the Unicode character database's scripts (UAX #24) into scripts.bin.

Usage: python3 make_scripts.py FOLDER-WITH-Scripts.txt scripts.bin
The folder is that of the Unicode character database (on Debian: /usr/share/unicode, package unicode-data, version 15.0).
The file is zlib data of unsigned LEB128 numbers: the count of runs, then of each run
(code point - end of the run before, length, number of the script); 1 is Han, 2 Hiragana, 3 Katakana, others as they come.
"""
import pathlib
import sys
import zlib

folder, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
numbers = {"Han": 1, "Hiragana": 2, "Katakana": 3}
script = {}
for line in (folder / "Scripts.txt").read_text("utf-8").splitlines():
    fields = [f.strip() for f in line.split("#")[0].split(";")]
    if len(fields) == 2:
        first, _, last = fields[0].partition("..")
        number = numbers.setdefault(fields[1], len(numbers) + 1)
        for code in range(int(first, 16), int(last or first, 16) + 1):
            script[code] = number

output = bytearray()


def put(number):
    while number >= 0x80:
        output.append(number & 0x7F | 0x80)
        number >>= 7
    output.append(number)


runs = []
for code in sorted(script):
    if runs and runs[-1][1] == code and runs[-1][2] == script[code]:
        runs[-1][1] = code + 1
    else:
        runs.append([code, code + 1, script[code]])
put(len(runs))
end = 0
for first, last, number in runs:
    put(first - end)
    put(last - first)
    put(number)
    end = last
target.write_bytes(zlib.compress(bytes(output), 9))
