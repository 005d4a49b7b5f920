"""Blocks written and read by ggml itself: python3 make.py LIBDIR, the folder with libggml-base.so.

input.bin       ROWS x COLUMNS float32: normal numbers, with zeros, a block of equal values, outliers and tiny numbers among them
importance.bin  COLUMNS float32, positive
TYPE.bin        what ggml_quantize_chunk makes of the input
TYPE_im.bin     the same with the importance
TYPE_f32.bin    what dequantize_row_TYPE makes of TYPE.bin (float32)
"""
import array, ctypes, os, random, sys

ROWS, COLUMNS = 2, 768
TYPES = {"q4_0": (2, 32, 18), "q4_1": (3, 32, 20), "q5_0": (6, 32, 22), "q5_1": (7, 32, 24), "q8_0": (8, 32, 34), "iq4_nl": (20, 32, 18),
         "q2_K": (10, 256, 84), "q3_K": (11, 256, 110), "q4_K": (12, 256, 144), "q5_K": (13, 256, 176), "q6_K": (14, 256, 210)}
here = os.path.dirname(os.path.abspath(__file__))
base = ctypes.CDLL(os.path.join(sys.argv[1], "libggml-base.so"))
quantize = base.ggml_quantize_chunk
quantize.restype = ctypes.c_size_t
quantize.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]

random.seed(11)
x = array.array("f", (random.gauss(0, 0.05) for _ in range(ROWS * COLUMNS)))
x[0:32] = array.array("f", [0.0] * 32)
x[64:96] = array.array("f", [0.25] * 32)
x[100] = 1.5
x[300] = -2.25
x[512:768] = array.array("f", (abs(v) for v in x[512:768]))  # nothing below zero
x[COLUMNS:COLUMNS + 256] = array.array("f", [0.0] * 256)  # a whole large block
x[COLUMNS + 300:COLUMNS + 316] = array.array("f", (v * 1e-6 for v in x[COLUMNS + 300:COLUMNS + 316]))
importance = array.array("f", (random.expovariate(1) + 0.01 for _ in range(COLUMNS)))


def write(name, data):
    with open(os.path.join(here, name), "wb") as f:
        f.write(bytes(data))


def address(a):
    return a.buffer_info()[0]


write("input.bin", x)
write("importance.bin", importance)
for name, (number, elements, size) in TYPES.items():
    blocks = ROWS * COLUMNS // elements
    for suffix, weights in (("", None), ("_im", address(importance))):
        out = ctypes.create_string_buffer(blocks * size)
        assert quantize(number, address(x), out, 0, ROWS, COLUMNS, weights) == blocks * size
        write(name.lower() + suffix + ".bin", out.raw)
        if weights is None:
            floats = (ctypes.c_float * (ROWS * COLUMNS))()
            read = getattr(base, "dequantize_row_" + name)
            read.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
            read(out, floats, ROWS * COLUMNS)
            write(name.lower() + "_f32.bin", floats)
