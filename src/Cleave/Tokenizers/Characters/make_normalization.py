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

import packing

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
excluded = [code for codes, name in packing.properties(folder / "DerivedNormalizationProps.txt") if name == "Full_Composition_Exclusion" for code in codes]

packed = packing.Packed()
packed.put_runs(classes)
packed.put(len(decompositions))
before = 0
for code in sorted(decompositions):
    compatibility, parts = decompositions[code]
    packed.put(code - before, compatibility, len(parts), *parts)
    before = code
packed.put(len(excluded))
before = 0
for code in sorted(excluded):
    packed.put(code - before)
    before = code
packed.write(target)
