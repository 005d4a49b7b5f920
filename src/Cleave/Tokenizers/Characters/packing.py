"""What make_normalization.py and make_scripts.py share: files of the Unicode character database, and packed numbers."""
import zlib


def properties(path):
    """Of each line 'first..last ; value' the code points and the value."""
    for line in path.read_text("utf-8").splitlines():
        fields = [f.strip() for f in line.split("#")[0].split(";")]
        if len(fields) == 2:
            first, _, last = fields[0].partition("..")
            yield range(int(first, 16), int(last or first, 16) + 1), fields[1]


def runs(kinds):
    """Of a map of code points to kinds: (first, length, kind) of each run."""
    found = []
    for code in sorted(kinds):
        if found and found[-1][0] + found[-1][1] == code and found[-1][2] == kinds[code]:
            found[-1][1] += 1
        else:
            found.append([code, 1, kinds[code]])
    return found


class Packed:
    """zlib data of unsigned LEB128 numbers."""
    def __init__(self):
        self.bytes = bytearray()

    def put(self, *numbers):
        for number in numbers:
            while number >= 0x80:
                self.bytes.append(number & 0x7F | 0x80)
                number >>= 7
            self.bytes.append(number)

    def put_runs(self, kinds):
        """The count of runs, then of each (code point - end of the run before, length, kind)."""
        found, end = runs(kinds), 0
        self.put(len(found))
        for first, length, kind in found:
            self.put(first - end, length, kind)
            end = first + length

    def write(self, target):
        target.write_bytes(zlib.compress(bytes(self.bytes), 9))
