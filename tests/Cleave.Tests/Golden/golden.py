"""What the scripts that make golden models share: PyTorch, published definitions and plain files; nothing of Cleave takes part."""
import json, math, struct
import torch, torch.nn.functional as F


def tanh_gelu(x): return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))
def rms(x, w, eps): return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * w


class Weights:
    """Weights by their names in the file, made on first use with their shape."""
    def __init__(self, seed, matrices, vectors):
        self.w = {}; self.rng = torch.Generator().manual_seed(seed)
        self.spread = lambda shape: matrices if len(shape) > 1 else vectors
    def __call__(self, name, *shape, mean=0.0, spread=None):
        if name not in self.w:
            self.w[name] = (torch.randn(*shape, generator=self.rng) * (spread or self.spread(shape)) + mean).requires_grad_(True)
        assert tuple(self.w[name].shape) == shape, (name, shape)
        return self.w[name]


def llama(weights, ids, c):
    """Logits of one sequence: RMSNorm, rotary embedding with half-split pairing, grouped-query attention, SwiGLU, tied embeddings."""
    L, H, G, D = (c[k] for k in ("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim"))
    n = len(ids)
    angle = torch.outer(torch.arange(n).float(), 1 / c["rope_theta"] ** (torch.arange(0, D, 2).float() / D))
    cos, sin = torch.cat([angle, angle], -1).cos(), torch.cat([angle, angle], -1).sin()
    def rotate(x):  # (heads, n, D)
        a, b = x.chunk(2, -1)
        return x * cos + torch.cat([-b, a], -1) * sin
    norm = lambda t, w: rms(t, w, c["rms_norm_eps"])
    x = weights["model.embed_tokens.weight"][ids]
    mask = torch.full((n, n), float("-inf")).triu(1)
    for i in range(L):
        w = lambda s: weights[f"model.layers.{i}.{s}.weight"]
        h = norm(x, w("input_layernorm"))
        q = rotate((h @ w("self_attn.q_proj").t()).view(n, H, D).transpose(0, 1))
        k = rotate((h @ w("self_attn.k_proj").t()).view(n, G, D).transpose(0, 1)).repeat_interleave(H // G, 0)
        v = (h @ w("self_attn.v_proj").t()).view(n, G, D).transpose(0, 1).repeat_interleave(H // G, 0)
        a = (q @ k.transpose(-1, -2) / math.sqrt(D) + mask).softmax(-1) @ v
        x = x + a.transpose(0, 1).reshape(n, H * D) @ w("self_attn.o_proj").t()
        h = norm(x, w("post_attention_layernorm"))
        x = x + (F.silu(h @ w("mlp.gate_proj").t()) * (h @ w("mlp.up_proj").t())) @ w("mlp.down_proj").t()
    return norm(x, weights["model.norm.weight"]) @ weights["model.embed_tokens.weight"].t()


def write_weights(path, weights):
    header, data = {}, b""
    for name, t in weights.items():
        b = t.detach().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(b)]}
        data += b
    text = json.dumps(header).encode(); text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)


def read_weights(path):
    raw = open(path, "rb").read()
    size = struct.unpack("<Q", raw[:8])[0]
    weights = {}
    for name, t in json.loads(raw[8:8 + size]).items():
        if name == "__metadata__": continue
        kind = {"BF16": torch.bfloat16, "F32": torch.float32}[t["dtype"]]
        a, b = t["data_offsets"]
        weights[name] = torch.frombuffer(bytearray(raw[8 + size + a:8 + size + b]), dtype=kind).float().view(t["shape"])
    return weights


def rounded(x): return float(f"{x:.7g}")
def rows(t): return [[rounded(x) for x in r] for r in t.tolist()]


def gradients(weights, first=lambda name: 6):
    """Every gradient by its sum, its norm and its sum weighed by position, and its beginning."""
    g = {n: t.grad.double().flatten() for n, t in weights.items()}
    return {"gradients": {n: [rounded(t.sum().item()), rounded(t.norm().item()), rounded((t * torch.arange(len(t)).remainder(7)).sum().item())] for n, t in g.items()},
            "first": {n: [rounded(x) for x in t[:first(n)].tolist()] for n, t in g.items()}}
