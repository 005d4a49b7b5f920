"""Which types llama.cpp's own quantizer gives: python3 mixes.py LIBDIR, the folder with libllama.*.so.

Writes a Llama-shaped model of 18 layers with random float32 weights (vocabulary 512, width 256, 8 heads over 2, feed-forward 256),
lets llama_model_quantize write it as each mix, and keeps the types: mixes.json, {mix: {tensor: type}}, tensors of the base type left out.
Q2_K_S, which it makes with an importance matrix only, is not there.
narrow.json is the same for a width of 288, which is no multiple of 256 (feed-forward 320).
"""
import array, ctypes, glob, json, os, random, struct, sys, tempfile

LAYERS, VOCABULARY = 18, 512
FILE_TYPES = {"Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K_S": 11, "Q3_K_M": 12, "Q3_K_L": 13, "Q4_K_S": 14,
              "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18, "IQ4_NL": 25, "F16": 1, "BF16": 32}
TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K",
         20: "IQ4_NL", 30: "BF16"}


def text(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def model(path, width, feed):
    heads, shared = 8, 2
    kv = width // heads * shared
    keys = []
    for name, value in (("general.architecture", "llama"), ("tokenizer.ggml.model", "llama")):
        keys.append(text(name) + struct.pack("<I", 8) + text(value))
    for name, value in (("block_count", LAYERS), ("context_length", 64), ("embedding_length", width), ("feed_forward_length", feed),
                        ("attention.head_count", heads), ("attention.head_count_kv", shared), ("vocab_size", VOCABULARY)):
        keys.append(text("llama." + name) + struct.pack("<II", 4, value))
    keys.append(text("llama.attention.layer_norm_rms_epsilon") + struct.pack("<If", 6, 1e-5))
    tokens = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % i for i in range(256)] + ["t%d" % i for i in range(VOCABULARY - 259)]
    keys.append(text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, VOCABULARY) + b"".join(map(text, tokens)))
    keys.append(text("tokenizer.ggml.scores") + struct.pack("<IIQ", 9, 6, VOCABULARY) + bytes(4 * VOCABULARY))
    keys.append(text("tokenizer.ggml.token_type") + struct.pack("<IIQ", 9, 5, VOCABULARY)
                + struct.pack("<%di" % VOCABULARY, *([2, 3, 3] + [6] * 256 + [1] * (VOCABULARY - 259))))
    tensors = [("token_embd", VOCABULARY, width), ("output_norm", 1, width), ("output", VOCABULARY, width)]
    for i in range(LAYERS):
        tensors += [("blk.%d.%s" % (i, n), r, c) for n, r, c in (
            ("attn_norm", 1, width), ("ffn_norm", 1, width), ("attn_q", width, width), ("attn_k", kv, width), ("attn_v", kv, width),
            ("attn_output", width, width), ("ffn_gate", feed, width), ("ffn_up", feed, width), ("ffn_down", width, feed))]
    infos, offset = b"", 0
    for name, rows, columns in tensors:
        shape = [columns] if rows == 1 else [columns, rows]
        infos += text(name + ".weight") + struct.pack("<I%dQIQ" % len(shape), len(shape), *shape, 0, offset)
        offset += 4 * rows * columns
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)) + b"".join(keys) + infos
    noise = array.array("f", (random.gauss(0, 0.02) for _ in range(65536))).tobytes()
    with open(path, "wb") as f:
        f.write(head + bytes(-len(head) % 32))
        for name, rows, columns in tensors:
            size = 4 * rows * columns
            f.write((noise * (size // len(noise) + 1))[:size])


def types(path):
    data = open(path, "rb").read()
    at = 8
    count, keys = struct.unpack_from("<QQ", data, at)
    at += 16
    sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

    def skip_text(at):
        return at + 8 + struct.unpack_from("<Q", data, at)[0]

    def skip(at, kind):
        if kind == 8:
            return skip_text(at)
        if kind != 9:
            return at + sizes[kind]
        kind, n = struct.unpack_from("<IQ", data, at)
        at += 12
        for _ in range(n):
            at = skip(at, kind)
        return at
    for _ in range(keys):
        at = skip_text(at)
        at = skip(at + 4, struct.unpack_from("<I", data, at)[0])
    found = {}
    for _ in range(count):
        end = skip_text(at)
        name = data[at + 8:end].decode()
        dimensions = struct.unpack_from("<I", data, end)[0]
        at = end + 4 + 8 * dimensions
        if dimensions == 2:
            found[name] = TYPES[struct.unpack_from("<I", data, at)[0]]
        at += 12
    return found


class Params(ctypes.Structure):
    _fields_ = [("threads", ctypes.c_int32), ("ftype", ctypes.c_int32), ("rest", ctypes.c_char * 1016)]


lib = sys.argv[1]
for pattern in ("libggml-base.so", "libggml.*so*", "libllama.*so*"):
    for path in sorted(glob.glob(os.path.join(lib, pattern))):
        llama = ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
ggml = ctypes.CDLL(None)
ggml.ggml_backend_load_all_from_path(lib.encode())
llama.llama_backend_init()
QUIET = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)
llama.llama_log_set(QUIET, None)
llama.llama_model_quantize_default_params.restype = Params
llama.llama_model_quantize.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(Params)]
random.seed(5)
with tempfile.TemporaryDirectory() as folder:
    for file, width, feed in (("mixes.json", 256, 256), ("narrow.json", 288, 320)):
        source, out = os.path.join(folder, "in.gguf"), os.path.join(folder, "out.gguf")
        model(source, width, feed)
        result = {}
        for mix, number in FILE_TYPES.items():
            p = llama.llama_model_quantize_default_params()
            p.threads, p.ftype = 1, number
            assert llama.llama_model_quantize(source.encode(), out.encode(), ctypes.byref(p)) == 0, mix
            found = types(out)
            base = found["blk.9.attn_q.weight"]
            result[mix] = {"": base, **{n: t for n, t in found.items() if t != base}}
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), file), "w") as f:
            json.dump(result, f, indent=0, sort_keys=True)
            f.write("\n")
