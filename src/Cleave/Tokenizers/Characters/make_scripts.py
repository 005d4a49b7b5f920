"""Packs the Unicode character database's scripts (UAX #24) into scripts.bin.

Usage: python3 make_scripts.py FOLDER-WITH-Scripts.txt scripts.bin
The folder is that of the Unicode character database (on Debian: /usr/share/unicode, package unicode-data, version 15.0).
The file is zlib data of unsigned LEB128 numbers: the count of runs, then of each run
(code point - end of the run before, length, number of the script); 1 is Han, 2 Hiragana, 3 Katakana, others as they come.
"""
import pathlib
import sys

import packing

folder, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
numbers = {"Han": 1, "Hiragana": 2, "Katakana": 3}
scripts = {}
for codes, name in packing.properties(folder / "Scripts.txt"):
    number = numbers.setdefault(name, len(numbers) + 1)
    scripts.update((code, number) for code in codes)
packed = packing.Packed()
packed.put_runs(scripts)
packed.write(target)
