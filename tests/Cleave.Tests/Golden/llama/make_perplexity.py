#!/usr/bin/python3
"""Golden figures of a strided perplexity and of a comparison of two models, in float64 by plain Python alone.

usage: make_perplexity.py FOLDER   reads config.json and model.safetensors there, writes perplexity.json

The model is written out from the papers, one number at a time. The second model has every weight of the first with the
low 19 bits of its float32 cleared. Each token's window is found by itself: the first window that predicts it.
"""
import json, math, struct, sys

folder = sys.argv[1]
cfg = json.load(open(folder + "/config.json"))
V, C, L, H, G, D = (cfg[k] for k in ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim"))

def load(mask):
    data = open(folder + "/model.safetensors", "rb").read()
    n, = struct.unpack_from("<Q", data)
    weights = {}
    for name, t in json.loads(data[8:8 + n]).items():
        a, b = t["data_offsets"]
        bits = struct.unpack("<%dI" % ((b - a) // 4), data[8 + n + a:8 + n + b])
        flat = [struct.unpack("<f", struct.pack("<I", x & mask))[0] for x in bits]
        columns = t["shape"][-1]
        weights[name] = flat if len(t["shape"]) == 1 else [flat[i:i + columns] for i in range(0, len(flat), columns)]
    return weights

def mul(m, x): return [sum(a * b for a, b in zip(row, x)) for row in m]
def norm(x, w):
    s = 1 / math.sqrt(sum(a * a for a in x) / len(x) + cfg["rms_norm_eps"])
    return [a * s * b for a, b in zip(x, w)]
def rotate(x, t):
    out = []
    for h in range(len(x) // D):
        v = x[h * D:(h + 1) * D]
        angles = [t / cfg["rope_theta"] ** (2 * i / D) for i in range(D // 2)]
        out += [v[i] * math.cos(a) - v[i + D // 2] * math.sin(a) for i, a in enumerate(angles)]
        out += [v[i + D // 2] * math.cos(a) + v[i] * math.sin(a) for i, a in enumerate(angles)]
    return out

def logits(w, ids):
    """Log-probabilities after every token."""
    xs = [list(w["model.embed_tokens.weight"][i]) for i in ids]
    for l in range(L):
        p = lambda s: w["model.layers.%d.%s.weight" % (l, s)]
        hs = [norm(x, p("input_layernorm")) for x in xs]
        q = [rotate(mul(p("self_attn.q_proj"), h), t) for t, h in enumerate(hs)]
        k = [rotate(mul(p("self_attn.k_proj"), h), t) for t, h in enumerate(hs)]
        v = [mul(p("self_attn.v_proj"), h) for h in hs]
        for t in range(len(ids)):
            out = []
            for h in range(H):
                g = h // (H // G)
                s = [sum(q[t][h * D + i] * k[u][g * D + i] for i in range(D)) / math.sqrt(D) for u in range(t + 1)]
                e = [math.exp(a - max(s)) for a in s]
                out += [sum(e[u] * v[u][g * D + i] for u in range(t + 1)) / sum(e) for i in range(D)]
            xs[t] = [a + b for a, b in zip(xs[t], mul(p("self_attn.o_proj"), out))]
        for t in range(len(ids)):
            h = norm(xs[t], p("post_attention_layernorm"))
            gate, up = mul(p("mlp.gate_proj"), h), mul(p("mlp.up_proj"), h)
            xs[t] = [a + b for a, b in zip(xs[t], mul(p("mlp.down_proj"), [a / (1 + math.exp(-a)) * b for a, b in zip(gate, up)]))]
    rows = []
    for x in xs:
        z = mul(w["model.embed_tokens.weight"], norm(x, w["model.norm.weight"]))
        m = max(z); s = m + math.log(sum(math.exp(a - m) for a in z))
        rows.append([a - s for a in z])
    return rows

def window_of(token, n, context, stride):
    """The first window [begin, end) that predicts a token from what it reads."""
    begin = 0
    while not (begin < token <= min(begin + context, n - 1)): begin += stride
    return begin, min(begin + context, n - 1)

tokens, state = [], 7
for _ in range(60):
    state = (state * 1103515245 + 12345) % 2 ** 31
    tokens.append(state // 65536 % V)
first, second = load(0xFFFFFFFF), load(0xFFF80000)
cases = []
for context, stride in ((16, 16), (16, 8), (16, 5), (20, 1), (64, 64)):
    cache, loss, other, kl, flips = {}, [], [], [], []
    for t in range(1, len(tokens)):
        begin, end = window_of(t, len(tokens), context, stride)
        if begin not in cache: cache = {begin: (logits(second, tokens[begin:end]), logits(first, tokens[begin:end]))}
        q, p = (rows[t - 1 - begin] for rows in cache[begin])
        loss.append(-q[tokens[t]]); other.append(-p[tokens[t]])
        kl.append(sum(math.exp(a) * (a - b) for a, b in zip(p, q)))
        flips.append(q.index(max(q)) != p.index(max(p)))
    cases.append({"context": context, "stride": stride, "loss": loss, "reference_loss": other, "kl": kl, "flips": flips})
json.dump({"tokens": tokens, "cases": cases}, open(folder + "/perplexity.json", "w"))
