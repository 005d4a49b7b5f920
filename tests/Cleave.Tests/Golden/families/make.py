#!/usr/bin/python3
"""Golden values for every model family, from PyTorch's own autograd.

usage: make.py FOLDER   writes FOLDER/<case>/{config.json, model.safetensors, expected.json}

Each architecture is written out here from its published definition, in the names and shapes of its Hugging Face files:
queries, keys and values are taken apart on the way, so that the fixture proves the layout as well as the arithmetic.
Nothing of Cleave takes part. float32, PyTorch 1.13. Windows are shorter than the sequences and caps small enough to bite.
"""
import json, math, os, sys
import torch, torch.nn.functional as F
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from golden import Weights, gradients, rms, rows, tanh_gelu, write_weights

V, C, L, T = 40, 32, 2, 20
PI = math.pi

def act(name):
    return {"silu": F.silu, "gelu": F.gelu, "relu": F.relu, "gelu_new": tanh_gelu, "gelu_pytorch_tanh": tanh_gelu}[name]
def layer_norm(x, w, b, eps):
    x = x - x.mean(-1, keepdim=True)
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * w + b
def linear(x, w, b=None): return x @ w.t() if b is None else x @ w.t() + b

# --- rotary positions: frequencies and the factor of cos and sin, by the scaling's definition ---
def rotary(size, theta, scaling=None, context=64):
    f = [theta ** (-2 * i / size) for i in range(size // 2)]
    m = 1.0
    kind = scaling and scaling["rope_type"]
    if kind == "linear": f = [x / scaling["factor"] for x in f]
    if kind == "llama3":
        k, lo, hi, old = scaling["factor"], scaling["low_freq_factor"], scaling["high_freq_factor"], scaling["original_max_position_embeddings"]
        def one(x):
            wave = 2 * PI / x
            if wave < old / hi: return x
            if wave > old / lo: return x / k
            s = (old / wave - lo) / (hi - lo)
            return (1 - s) * x / k + s * x
        f = [one(x) for x in f]
    if kind == "yarn":
        k, old = scaling["factor"], scaling["original_max_position_embeddings"]
        at = lambda turns: size * math.log(old / (turns * 2 * PI)) / (2 * math.log(theta))
        lo, hi = max(math.floor(at(32)), 0), min(math.ceil(at(1)), size - 1)
        ramp = lambda i: min(max((i - lo) / (hi - lo), 0), 1)
        f = [x / k * ramp(i) + x * (1 - ramp(i)) for i, x in enumerate(f)]
        m = 0.1 * math.log(k) + 1
    if kind == "longrope":
        f = [x / s for x, s in zip(f, scaling["short_factor"])]
        m = math.sqrt(1 + math.log(scaling["_ratio"]) / math.log(scaling["_original"]))
    angle = torch.outer(torch.arange(T, dtype=torch.float64), torch.tensor(f, dtype=torch.float64))
    angle = torch.cat([angle, angle], -1)
    return (angle.cos() * m).float(), (angle.sin() * m).float()

def turn(x, table):  # (heads, T, D); the first elements of a head are turned
    cos, sin = table
    size, n = cos.shape[1], x.shape[1]
    r, rest = x[..., :size], x[..., size:]
    a, b = r.chunk(2, -1)
    return torch.cat([r * cos[:n] + torch.cat([-b, a], -1) * sin[:n], rest], -1)

def attend(q, k, v, scale, window=0, cap=0.0):  # (H, T, D), (G, T, D)
    h, n, d = q.shape
    k, v = k.repeat_interleave(h // k.shape[0], 0), v.repeat_interleave(h // v.shape[0], 0)
    s = q @ k.transpose(-1, -2) * scale
    if cap: s = cap * torch.tanh(s / cap)
    i, j = torch.arange(n)[:, None], torch.arange(n)[None]
    seen = (j <= i) & ((i - j < window) if window else torch.ones(n, n, dtype=torch.bool))
    return (s.masked_fill(~seen, float("-inf")).softmax(-1) @ v).transpose(0, 1).reshape(n, h * d)

def heads(x, count): return x.view(x.shape[0], count, -1).transpose(0, 1)

# --- Llama and what descends from it ---
def llama_like(c, m, ids, plus_one=False):
    kind = c["model_type"]
    H, G, D, FF, eps = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"], c["intermediate_size"], c["rms_norm_eps"]
    mean = 0.0 if plus_one else 1.0
    gemma, olmo = kind.startswith("gemma"), kind == "olmo2"
    def norm(x, name, size=C): return rms(x, m(name + ".weight", size, mean=mean) + (1 if plus_one else 0), eps)
    def bias(name, n, on): return m(name + ".bias", n) if on else None
    qkv = kind in ("qwen2", "qwen2_moe") or c.get("attention_bias", False)
    scaling = dict(c.get("rope_scaling") or {})
    context = c["max_position_embeddings"]
    if scaling.get("rope_type") == "longrope":
        scaling["_ratio"], scaling["_original"] = context / c["original_max_position_embeddings"], c["original_max_position_embeddings"]
    full = rotary(int(D * c.get("partial_rotary_factor", 1)), c["rope_theta"], scaling or None, context)
    local = rotary(D, c["rope_local_base_freq"]) if "rope_local_base_freq" in c else full
    f = act(c.get("hidden_act") or c["hidden_activation"])
    x = m("model.embed_tokens.weight", V, C)[ids]
    if gemma: x = x * math.sqrt(C)
    n = len(ids)
    for i in range(L):
        p = f"model.layers.{i}."
        types = c.get("layer_types")
        window = (c.get("sliding_window") or 0) if (types is None or types[i] == "sliding_attention") and c.get("use_sliding_window", True) else 0
        h = x if olmo else norm(x, p + "input_layernorm")
        if kind == "phi3":
            q, k, v = linear(h, m(p + "self_attn.qkv_proj.weight", (H + 2 * G) * D, C)).split([H * D, G * D, G * D], -1)
        else:
            q, k, v = (linear(h, m(p + f"self_attn.{s}_proj.weight", n_ * D, C), bias(p + f"self_attn.{s}_proj", n_ * D, qkv)) for s, n_ in (("q", H), ("k", G), ("v", G)))
        if olmo: q, k = norm(q, p + "self_attn.q_norm", H * D), norm(k, p + "self_attn.k_norm", G * D)
        q, k, v = heads(q, H), heads(k, G), heads(v, G)
        if kind in ("qwen3", "qwen3_moe", "gemma3_text"): q, k = norm(q, p + "self_attn.q_norm", D), norm(k, p + "self_attn.k_norm", D)
        table = local if window and gemma else full
        q, k = turn(q, table), turn(k, table)
        scale = c["query_pre_attn_scalar"] ** -0.5 if gemma else D ** -0.5
        a = attend(q, k, v, scale, window, c.get("attn_logit_softcapping") or 0)
        a = linear(a, m(p + "self_attn.o_proj.weight", C, H * D), bias(p + "self_attn.o_proj", C, c.get("attention_bias", False)))
        x = x + (norm(a, p + "post_attention_layernorm") if gemma or olmo else a)
        h = x if olmo else norm(x, p + ("pre_feedforward_layernorm" if gemma else "post_attention_layernorm"))
        y = feed_forward(c, m, h, p, i, f, FF)
        x = x + (norm(y, p + "post_feedforward_layernorm") if gemma or olmo else y)
    x = norm(x, "model.norm")
    out = m("model.embed_tokens.weight", V, C) if c["tie_word_embeddings"] else m("lm_head.weight", V, C)
    z = linear(x, out)
    cap = c.get("final_logit_softcapping")
    return cap * torch.tanh(z / cap) if cap else z

def feed_forward(c, m, h, p, i, f, FF):
    kind = c["model_type"]
    if kind == "phi3":
        gate, up = linear(h, m(p + "mlp.gate_up_proj.weight", 2 * FF, C)).chunk(2, -1)
        return linear(f(gate) * up, m(p + "mlp.down_proj.weight", C, FF))
    def gated(x, q, width, names=("gate_proj", "up_proj", "down_proj")):
        b = lambda s, n: m(q + s + ".bias", n) if c.get("mlp_bias") else None
        g, u, d = names
        y = f(linear(x, m(q + g + ".weight", width, C), b(g, width))) * linear(x, m(q + u + ".weight", width, C), b(u, width))
        return linear(y, m(q + d + ".weight", C, width), b(d, C))
    if kind == "mixtral":
        q, E, K, normalize, width, names = p + "block_sparse_moe.", c["num_local_experts"], c["num_experts_per_tok"], True, FF, ("w1", "w3", "w2")
    elif kind.endswith("_moe") and i not in c.get("mlp_only_layers", []):
        q, E, K, normalize, width, names = p + "mlp.", c["num_experts"], c["num_experts_per_tok"], c["norm_topk_prob"], c["moe_intermediate_size"], ("gate_proj", "up_proj", "down_proj")
    else: return gated(h, p + "mlp.", FF)
    weights, chosen = linear(h, m(q + "gate.weight", E, C)).softmax(-1).topk(K, -1)
    if normalize: weights = weights / weights.sum(-1, keepdim=True)
    y = torch.zeros_like(h)
    for e in range(E):  # every expert on every token; the weight is 0 where it was not chosen
        y = y + (weights * (chosen == e)).sum(-1, keepdim=True) * gated(h, f"{q}experts.{e}.", width, names)
    if c.get("shared_expert_intermediate_size"):
        y = y + torch.sigmoid(linear(h, m(q + "shared_expert_gate.weight", 1, C))) * gated(h, q + "shared_expert.", c["shared_expert_intermediate_size"])
    return y

def gpt2(c, m, ids):
    H, eps, n, FF = c["n_head"], c["layer_norm_epsilon"], len(ids), c.get("n_inner") or 4 * C
    f = act(c["activation_function"])
    norm = lambda x, q: layer_norm(x, m(q + ".weight", C, mean=1.0), m(q + ".bias", C), eps)
    conv = lambda x, q, i, o: x @ m(q + ".weight", i, o) + m(q + ".bias", o)
    x = m("transformer.wte.weight", V, C)[ids] + m("transformer.wpe.weight", c["n_positions"], C)[:n]
    for i in range(L):
        p = f"transformer.h.{i}."
        q, k, v = (heads(t, H) for t in conv(norm(x, p + "ln_1"), p + "attn.c_attn", C, 3 * C).split(C, -1))
        x = x + conv(attend(q, k, v, (C // H) ** -0.5), p + "attn.c_proj", C, C)
        x = x + conv(f(conv(norm(x, p + "ln_2"), p + "mlp.c_fc", C, FF)), p + "mlp.c_proj", FF, C)
    return linear(norm(x, "transformer.ln_f"), m("transformer.wte.weight", V, C))

def gpt_neox(c, m, ids):
    H, eps, FF, n = c["num_attention_heads"], c["layer_norm_eps"], c["intermediate_size"], len(ids)
    D, f = C // H, act(c["hidden_act"])
    norm = lambda x, q: layer_norm(x, m(q + ".weight", C, mean=1.0), m(q + ".bias", C), eps)
    full = lambda x, q, i, o: linear(x, m(q + ".weight", o, i), m(q + ".bias", o))
    table = rotary(int(D * c["rotary_pct"]), c["rotary_emb_base"])
    x = m("gpt_neox.embed_in.weight", V, C)[ids]
    for i in range(L):
        p = f"gpt_neox.layers.{i}."
        qkv = full(norm(x, p + "input_layernorm"), p + "attention.query_key_value", C, 3 * C).view(n, H, 3 * D).transpose(0, 1)
        q, k, v = qkv[..., :D], qkv[..., D:2 * D], qkv[..., 2 * D:]
        a = full(attend(turn(q, table), turn(k, table), v, D ** -0.5), p + "attention.dense", C, C)
        network = lambda y: full(f(full(norm(y, p + "post_attention_layernorm"), p + "mlp.dense_h_to_4h", C, FF)), p + "mlp.dense_4h_to_h", FF, C)
        x = x + a + network(x) if c["use_parallel_residual"] else (x + a) + network(x + a)
    return linear(norm(x, "gpt_neox.final_layer_norm"), m("embed_out.weight", V, C))

# --- BERT and what descends from it: encoders with their heads ---
def encoder(c, m, ids, types):
    """Last hidden states (n, width): embeddings, their norm, then norm(x + f(x)) twice a layer; every token sees all."""
    kind = c["model_type"]
    width, H, FF = (c["dim"], c["n_heads"], c["hidden_dim"]) if kind == "distilbert" else (c["hidden_size"], c["num_attention_heads"], c["intermediate_size"])
    f, eps, n = act(c.get("hidden_act") or c["activation"]), c.get("layer_norm_eps", 1e-12), len(ids)
    root = {"bert": "bert.", "distilbert": "distilbert."}.get(kind, "roberta.")
    norm = lambda x, q: layer_norm(x, m(q + ".weight", width, mean=1.0), m(q + ".bias", width), eps)
    full = lambda x, q, i, o: linear(x, m(q + ".weight", o, i), m(q + ".bias", o))
    first = c["pad_token_id"] + 1 if root == "roberta." else 0  # positions begin behind that of the padding
    x = m(root + "embeddings.word_embeddings.weight", V, width)[ids] + m(root + "embeddings.position_embeddings.weight", c["max_position_embeddings"], width)[first:first + n]
    if kind != "distilbert": x = x + m(root + "embeddings.token_type_embeddings.weight", c["type_vocab_size"], width)[types]
    x = norm(x, root + "embeddings.LayerNorm")
    for i in range(c.get("num_hidden_layers") or c["n_layers"]):
        if kind == "distilbert":
            p = f"{root}transformer.layer.{i}."
            q, k, v, o, n1, up, down, n2 = (p + s for s in ("attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "sa_layer_norm", "ffn.lin1", "ffn.lin2", "output_layer_norm"))
        else:
            p = f"{root}encoder.layer.{i}."
            q, k, v, o, n1, up, down, n2 = (p + s for s in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "attention.output.LayerNorm",
                "intermediate.dense", "output.dense", "output.LayerNorm"))
        q, k, v = (heads(full(x, w, width, width), H) for w in (q, k, v))
        a = ((q @ k.transpose(-1, -2) / math.sqrt(width // H)).softmax(-1) @ v).transpose(0, 1).reshape(n, width)
        x = norm(x + full(a, o, width, width), n1)
        x = norm(x + full(f(full(x, up, width, FF)), down, FF, width), n2)
    return x

def encoder_head(c, m, x):
    """What the architecture says of the hidden states: (n, V), (1, K), (n, K) or (n, 2)."""
    kind, width, architecture = c["model_type"], x.shape[1], c["architectures"][0]
    f = act(c.get("hidden_act") or c["activation"])
    norm = lambda x, q: layer_norm(x, m(q + ".weight", width, mean=1.0), m(q + ".bias", width), c.get("layer_norm_eps", 1e-12))
    full = lambda x, q, o: linear(x, m(q + ".weight", o, x.shape[1]), m(q + ".bias", o))
    if architecture.endswith("ForMaskedLM"):
        dense, behind, decoder, bias, root = {
            "bert": ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.decoder.weight", "cls.predictions.bias", "bert."),
            "distilbert": ("vocab_transform", "vocab_layer_norm", "vocab_projector.weight", "vocab_projector.bias", "distilbert.")}.get(kind,
            ("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder.weight", "lm_head.bias", "roberta."))
        y = norm(f(full(x, dense, width)), behind)
        return linear(y, m(root + "embeddings.word_embeddings.weight" if c.get("tie_word_embeddings", True) else decoder, V, width), m(bias, V))
    K = len(c.get("id2label", ())) or 2
    if architecture.endswith("ForTokenClassification"): return full(x, "classifier", K)
    if architecture.endswith("ForQuestionAnswering"): return full(x, "qa_outputs", 2)
    if kind == "bert": return full(torch.tanh(full(x[:1], "bert.pooler.dense", width)), "classifier", K)
    if kind == "distilbert": return full(torch.relu(full(x[:1], "pre_classifier", width)), "classifier", K)
    return full(torch.tanh(full(x[:1], "classifier.dense", width)), "classifier.out_proj", K)

def labels(*names): return dict(id2label={str(i): n for i, n in enumerate(names)}, label2id={n: i for i, n in enumerate(names)})
def bert_like(architecture, kind="bert", width=32, **more):
    return dict(architectures=[architecture], model_type=kind, vocab_size=V, hidden_size=width, num_hidden_layers=L, num_attention_heads=4, intermediate_size=32,
                hidden_act="gelu", max_position_embeddings=24, type_vocab_size=2, layer_norm_eps=1e-12, pad_token_id=0) | more
def roberta(architecture, kind="roberta", width=32, **more): return bert_like(architecture, kind, width, max_position_embeddings=26, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, **more)
def distil(architecture, width=32, **more):
    return dict(architectures=[architecture], model_type="distilbert", vocab_size=V, dim=width, n_layers=L, n_heads=4, hidden_dim=32, activation="gelu", max_position_embeddings=24,
                pad_token_id=0, sinusoidal_pos_embds=False, tie_weights_=True) | more
ENCODERS = {
    "bert": bert_like("BertForMaskedLM"),
    "bert-classify": bert_like("BertForSequenceClassification", width=16, finetuning_task="mood", **labels("bad", "good", "mixed")),
    "bert-tags": bert_like("BertForTokenClassification", width=16, hidden_act="gelu_new", **labels("O", "B-PER", "I-PER", "B-LOC", "I-LOC")),
    "bert-answers": bert_like("BertForQuestionAnswering", width=16),
    "distilbert": distil("DistilBertForMaskedLM"),
    "distilbert-classify": distil("DistilBertForSequenceClassification", width=16, **labels("NEGATIVE", "POSITIVE")),
    "roberta": roberta("RobertaForMaskedLM", tie_word_embeddings=False),
    "roberta-classify": roberta("RobertaForSequenceClassification", width=16),
    "xlm-roberta-tags": roberta("XLMRobertaForTokenClassification", "xlm-roberta", width=16, **labels("B-LOC", "I-LOC", "I-PER", "O")),
}

BASE = dict(vocab_size=V, hidden_size=C, intermediate_size=24, num_hidden_layers=L, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
            max_position_embeddings=64, rms_norm_eps=1e-6, rope_theta=10000.0, tie_word_embeddings=False, hidden_act="silu")
GEMMA = {k: v for k, v in BASE.items() if k != "hidden_act"} | dict(hidden_activation="gelu_pytorch_tanh", tie_word_embeddings=True,
            query_pre_attn_scalar=12, sliding_window=5, head_dim=16, num_key_value_heads=1, num_attention_heads=2)
def case(architecture, kind, base=BASE, **more): return dict(architectures=[architecture], model_type=kind) | base | more
CASES = {
    "qwen2": case("Qwen2ForCausalLM", "qwen2", rope_theta=1e6, use_sliding_window=True, sliding_window=6, max_window_layers=1, layer_types=["full_attention", "sliding_attention"]),
    "qwen3": case("Qwen3ForCausalLM", "qwen3", head_dim=16, tie_word_embeddings=True, attention_bias=False),
    "mistral": case("MistralForCausalLM", "mistral", sliding_window=7),
    "llama-llama3": case("LlamaForCausalLM", "llama", tie_word_embeddings=True, rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)),
    "llama-linear": case("LlamaForCausalLM", "llama", attention_bias=True, mlp_bias=True, rope_scaling=dict(rope_type="linear", factor=2.5)),
    "llama-yarn": case("LlamaForCausalLM", "llama", head_dim=16, num_attention_heads=2, num_key_value_heads=1, rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=512)),
    "llama-dynamic": case("LlamaForCausalLM", "llama", rope_scaling=dict(rope_type="dynamic", factor=2.0)),
    "gpt2": dict(architectures=["GPT2LMHeadModel"], model_type="gpt2", vocab_size=V, n_embd=C, n_layer=L, n_head=4, n_positions=32, n_inner=None,
                 layer_norm_epsilon=1e-5, activation_function="gelu_new"),
    "gemma2": case("Gemma2ForCausalLM", "gemma2", GEMMA, attn_logit_softcapping=2.0, final_logit_softcapping=3.0, layer_types=["sliding_attention", "full_attention"]),
    "gemma3": case("Gemma3ForCausalLM", "gemma3_text", GEMMA, rope_theta=1e6, rope_local_base_freq=10000.0, rope_scaling=dict(rope_type="linear", factor=8.0),
                   layer_types=["sliding_attention", "full_attention"]),
    "phi3": case("Phi3ForCausalLM", "phi3", sliding_window=6, partial_rotary_factor=0.75, head_dim=16, num_attention_heads=2, num_key_value_heads=1, original_max_position_embeddings=32,
                 rope_scaling=dict(rope_type="longrope", short_factor=[1.0, 1.1, 1.3, 1.7, 2.0, 2.5], long_factor=[2.0, 3.0, 4.0, 5.0, 6.0, 7.0])),
    "olmo2": case("Olmo2ForCausalLM", "olmo2", attention_bias=False),
    "gpt-neox": dict(architectures=["GPTNeoXForCausalLM"], model_type="gpt_neox", vocab_size=V, hidden_size=C, intermediate_size=48, num_hidden_layers=L, num_attention_heads=2,
                     max_position_embeddings=64, layer_norm_eps=1e-5, hidden_act="gelu", rotary_pct=0.25, rotary_emb_base=10000, use_parallel_residual=True, tie_word_embeddings=False),
    "gpt-neox-serial": dict(architectures=["GPTNeoXForCausalLM"], model_type="gpt_neox", vocab_size=V, hidden_size=C, intermediate_size=32, num_hidden_layers=L, num_attention_heads=4,
                     max_position_embeddings=64, layer_norm_eps=1e-5, hidden_act="relu", rotary_pct=0.5, rotary_emb_base=10000, use_parallel_residual=False, tie_word_embeddings=False),
    "mixtral": case("MixtralForCausalLM", "mixtral", sliding_window=None, num_local_experts=4, num_experts_per_tok=2, intermediate_size=16),
    "qwen2-moe": case("Qwen2MoeForCausalLM", "qwen2_moe", num_experts=4, num_experts_per_tok=2, moe_intermediate_size=12, shared_expert_intermediate_size=20,
                      norm_topk_prob=False, decoder_sparse_step=1, mlp_only_layers=[1], qkv_bias=True),
    "qwen3-moe": case("Qwen3MoeForCausalLM", "qwen3_moe", num_experts=4, num_experts_per_tok=3, moe_intermediate_size=12, norm_topk_prob=True, decoder_sparse_step=1, mlp_only_layers=[]),
}
FORWARD = {"gpt2": gpt2, "gpt_neox": gpt_neox}

def save(out, name, c, m, sequences, logits, more):
    os.makedirs(f"{out}/{name}", exist_ok=True)
    write_weights(f"{out}/{name}/model.safetensors", m.w)
    json.dump(c, open(f"{out}/{name}/config.json", "w"), indent=1)
    json.dump({"sequences": [s.tolist() for s in sequences], "logits": [rows(l) for l in logits]} | gradients(m.w) | more, open(f"{out}/{name}/expected.json", "w"))
    print(name, sum(t.numel() for t in m.w.values()))

def encoders(out):
    for number, (name, c) in enumerate(ENCODERS.items()):
        m = Weights(300 + number, 0.2, 0.1)
        rng = torch.Generator().manual_seed(200 + number)
        sequences = [torch.randint(5, V, (n,), generator=rng) for n in (T, 7, 1)]
        sequences[1][[0, 3, 6]] = torch.tensor([2, 3, 3])  # as a tokenizer surrounds two texts: [CLS] a b [SEP] c d [SEP]
        types = [(torch.arange(len(s)) >= len(s) // 2 + 1).long() * (c.get("type_vocab_size", 1) - 1) for s in sequences]
        hidden = [encoder(c, m, s, t) for s, t in zip(sequences, types)]
        logits = [encoder_head(c, m, x) for x in hidden]
        # One step: the mean cross-entropy over rows with a target, which are a third of them where tokens are guessed. (A head
        # for answers would be trained by columns; its rows serve as well to see every gradient.)
        targets = [torch.randint(0, l.shape[1], (len(l),), generator=rng) for l in logits]
        if c["architectures"][0].endswith("ForMaskedLM"):
            targets = [torch.where(torch.arange(len(t)) % 3 == 1, t, -1) for t in targets]
        loss = F.cross_entropy(torch.cat(logits), torch.cat(targets), ignore_index=-1)
        loss.backward()
        more = {"types": [t.tolist() for t in types], "targets": [t.tolist() for t in targets], "loss": loss.item(),
                "hidden": [rows(h) for h in hidden]}
        save(out, name, c, m, sequences, logits, more)

def main(out):
    encoders(out)
    for number, (name, c) in enumerate(CASES.items()):
        m = Weights(100 + number, 0.2, 0.1)
        forward = FORWARD.get(c["model_type"]) or (lambda c, m, ids: llama_like(c, m, ids, plus_one=c["model_type"].startswith("gemma")))
        rng = torch.Generator().manual_seed(number)
        sequences = [torch.randint(0, V, (n,), generator=rng) for n in (T, 7, 1)]
        logits = [forward(c, m, s) for s in sequences]
        # One step: the mean cross-entropy of all next tokens of all sequences together.
        rows = torch.cat([l[:-1] for l in logits]); targets = torch.cat([s[1:] for s in sequences])
        F.cross_entropy(rows, targets).backward()
        save(out, name, c, m, sequences, logits, {})

main(sys.argv[1])
