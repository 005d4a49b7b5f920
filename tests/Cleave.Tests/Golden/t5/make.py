#!/usr/bin/python3
"""Golden values for T5's encoder–decoders, from PyTorch's own autograd.

usage: make.py FOLDER   writes FOLDER/<case>/{config.json, model.safetensors, expected.json} and FOLDER/buckets.json

Written out from the published definition (Raffel et al., 2020, section 2.1 and its appendix; version 1.1 as its release notes
state it), in the names and shapes of the Hugging Face files. Biases of positions are whole matrices here, gathered by bucket.
Nothing of Cleave takes part. float32, PyTorch 1.13. Sequences are longer than the distances that have buckets of their own.
"""
import json, math, os, sys
import torch, torch.nn.functional as F
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from golden import Weights, gradients, rms, rounded, rows, tanh_gelu, write_weights

V, C = 40, 32

def buckets(distance, count, longest, both):
    """distance: of the key less the query. Half of the buckets of a direction hold one distance each, the rest grow as logarithms."""
    first = torch.zeros_like(distance)
    if both:
        count //= 2
        first = (distance > 0).long() * count
        far = distance.abs()
    else:
        far = (-distance).clamp(min=0)
    single = count // 2
    grown = single + (torch.log(far.float().clamp(min=1) / single) / math.log(longest / single) * (count - single)).long()
    return first + torch.where(far < single, far, grown.clamp(max=count - 1))

def attend(c, m, p, x, y, bias):
    """x looks at y; bias (H, Tx, Ty)."""
    H, D = c["num_heads"], c["d_kv"]
    part = lambda t, n: (t @ m(f"{p}.{n}.weight", H * D, C).t()).view(len(t), H, D).transpose(0, 1)
    s = part(x, "q") @ part(y, "k").transpose(-1, -2) + bias  # no 1/sqrt(D)
    return (s.softmax(-1) @ part(y, "v")).transpose(0, 1).reshape(len(x), H * D) @ m(f"{p}.o.weight", C, H * D).t()

def network(c, m, p, x):
    W = c["d_ff"]
    if c["feed_forward_proj"] == "relu":
        h = F.relu(x @ m(p + ".wi.weight", W, C).t())
    else:
        h = tanh_gelu(x @ m(p + ".wi_0.weight", W, C).t()) * (x @ m(p + ".wi_1.weight", W, C).t())
    return h @ m(p + ".wo.weight", C, W).t()

def stack(c, m, name, x, count, states=None):
    n, eps = len(x), c["layer_norm_epsilon"]
    norm = lambda t, q: rms(t, m(q + ".weight", C, mean=1.0), eps)
    i = torch.arange(n)
    distance = i[None, :] - i[:, None]
    for b in range(count):
        p = f"{name}.block.{b}.layer."
        if b == 0:  # the first layer's table serves all of the stack
            table = m(p + "0.SelfAttention.relative_attention_bias.weight", c["relative_attention_num_buckets"], c["num_heads"], spread=0.5)
            bias = table[buckets(distance, c["relative_attention_num_buckets"], c["relative_attention_max_distance"], states is None)].permute(2, 0, 1)
            if states is not None:
                bias = bias.masked_fill(distance > 0, float("-inf"))
        h = norm(x, p + "0.layer_norm")
        x = x + attend(c, m, p + "0.SelfAttention", h, h, bias)
        if states is not None:
            x = x + attend(c, m, p + "1.EncDecAttention", norm(x, p + "1.layer_norm"), states, 0.0)
        last = 1 if states is None else 2
        x = x + network(c, m, f"{p}{last}.DenseReluDense", norm(x, f"{p}{last}.layer_norm"))
    return norm(x, name + ".final_layer_norm")

def forward(c, m, source, read):
    table = m("shared.weight", V, C, spread=1.0)
    states = stack(c, m, "encoder", table[source], c["num_layers"])
    x = stack(c, m, "decoder", table[read], c["num_decoder_layers"], states)
    logits = (x * C ** -0.5) @ table.t() if c["tie_word_embeddings"] else x @ m("lm_head.weight", V, C).t()
    return states, logits

BASE = dict(architectures=["T5ForConditionalGeneration"], model_type="t5", vocab_size=V, d_model=C, d_kv=12, d_ff=24, num_layers=2, num_decoder_layers=3,
            num_heads=3, relative_attention_num_buckets=8, relative_attention_max_distance=12, layer_norm_epsilon=1e-6, feed_forward_proj="relu",
            tie_word_embeddings=True, is_encoder_decoder=True, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1)
CASES = {
    "v1.0": (BASE, (20, 7, 1), (6, 20, 3)),
    "v1.1": (BASE | dict(feed_forward_proj="gated-gelu", tie_word_embeddings=False, d_kv=8, num_heads=4, num_decoder_layers=1, decoder_start_token_id=5), (9, 20, 3), (20, 1, 4)),
    "mt5": (BASE | dict(architectures=["MT5ForConditionalGeneration"], model_type="mt5", feed_forward_proj="gated-gelu", tie_word_embeddings=False, num_layers=1, num_decoder_layers=2,
                        relative_attention_num_buckets=32, relative_attention_max_distance=128), (150, 3), (5, 140)),
}

def main(out):
    for number, (name, (c, sources, answers)) in enumerate(CASES.items()):
        m, rng = Weights(300 + number, 0.15, 0.15), torch.Generator().manual_seed(number)
        pairs = [tuple(torch.randint(0, V, (n,), generator=rng) for n in p) for p in zip(sources, answers)]
        start = torch.tensor([c["decoder_start_token_id"]])
        made = [forward(c, m, s, torch.cat([start, a[:-1]])) for s, a in pairs]
        # One step: the mean cross-entropy of all answers' tokens together.
        loss = F.cross_entropy(torch.cat([l for _, l in made]), torch.cat([a for _, a in pairs]))
        loss.backward()
        os.makedirs(f"{out}/{name}", exist_ok=True)
        write_weights(f"{out}/{name}/model.safetensors", m.w)
        json.dump(c, open(f"{out}/{name}/config.json", "w"), indent=1)
        # The gradients of the biases whole.
        json.dump({"sources": [s.tolist() for s, _ in pairs], "answers": [a.tolist() for _, a in pairs], "loss": rounded(loss.item()),
                   "states": [rows(s[:24]) for s, _ in made], "logits": [rows(l[-24:]) for _, l in made]}
                  | gradients(m.w, lambda name: None if "relative" in name else 6), open(f"{out}/{name}/expected.json", "w"))
        print(name, sum(t.numel() for t in m.w.values()), loss.item())
    cases = [(n, d, both) for n, d in ((32, 128), (8, 12), (16, 20), (33, 100), (4, 3), (64, 500)) for both in (True, False) if d > (n // 2 if both else n) // 2]
    json.dump([{"buckets": n, "longest": d, "both": both, "of": buckets(torch.arange(-300, 301), n, d, both).tolist()} for n, d, both in cases],
              open(f"{out}/buckets.json", "w"))

main(sys.argv[1])
