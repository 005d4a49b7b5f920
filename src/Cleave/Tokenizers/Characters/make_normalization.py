"""Packs the Unicode character database's normalization data into normalization.bin.

Usage: python3 make_normalization.py FOLDER-WITH-UnicodeData.txt normalization.bin
The folder is that of the Unicode character database (on Debian: /usr/share/unicode, package unicode-data, version 15.0).
The file is zlib data of unsigned LEB128 numbers:
  runs of combining classes:  count, then (code point - end of the run before, length, class)
  decompositions:             count, then (code point - the one before, 1 if compatibility, length, code points)
  composition exclusions:     count, then (code point - the one before)
"""
import pathlib
import sys
import zlib

folder, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
classes, decompositions = {}, {}
for line in (folder / "UnicodeData.txt").read_text("ascii").splitlines():
    fields = line.split(";")
    code = int(fields[0], 16)
    if fields[3] != "0":
        classes[code] = int(fields[3])
    if fields[5]:
        parts = fields[5].split()
        compatibility = parts[0].startswith("<")
        decompositions[code] = (int(compatibility), [int(p, 16) for p in parts[compatibility:]])
excluded = []
for line in (folder / "DerivedNormalizationProps.txt").read_text("utf-8").splitlines():
    fields = [f.strip() for f in line.split("#")[0].split(";")]
    if len(fields) == 2 and fields[1] == "Full_Composition_Exclusion":
        first, _, last = fields[0].partition("..")
        excluded.extend(range(int(first, 16), int(last or first, 16) + 1))

out = bytearray()


def number(value):
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


runs = []
for code in sorted(classes):
    if runs and runs[-1][0] + runs[-1][1] == code and runs[-1][2] == classes[code]:
        runs[-1][1] += 1
    else:
        runs.append([code, 1, classes[code]])
number(len(runs))
end = 0
for start, length, kind in runs:
    number(start - end), number(length), number(kind)
    end = start + length
number(len(decompositions))
before = 0
for code in sorted(decompositions):
    compatibility, parts = decompositions[code]
    number(code - before), number(compatibility), number(len(parts))
    for part in parts:
        number(part)
    before = code
number(len(excluded))
before = 0
for code in sorted(excluded):
    number(code - before)
    before = code
target.write_bytes(zlib.compress(bytes(out), 9))
