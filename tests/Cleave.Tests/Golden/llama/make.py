#!/usr/bin/python3
"""Golden values for a Llama-shaped decoder, from PyTorch's own autograd and AdamW.

usage: make.py FOLDER   writes model.safetensors, config.json and expected.json

The model is written out (golden.py) from the papers (RMSNorm, rotary embedding with half-split pairing, grouped-query
attention, SwiGLU, tied embeddings); nothing of Cleave takes part. float32 throughout, PyTorch 1.13.
"""
import json, os, sys
import torch, torch.nn.functional as F
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from golden import llama, write_weights

V, C, L, H, G, D, FF, T = 48, 32, 3, 4, 2, 8, 40, 24
torch.manual_seed(11)
names = ["model.embed_tokens.weight"]
weights = {names[0]: torch.randn(V, C) * 0.2}
def add(name, *shape):
    names.append(name); weights[name] = torch.ones(*shape) + 0.1 * torch.randn(*shape) if len(shape) == 1 else torch.randn(*shape) * 0.2
for i in range(L):
    p = f"model.layers.{i}."
    add(p + "input_layernorm.weight", C)
    add(p + "self_attn.q_proj.weight", H * D, C); add(p + "self_attn.k_proj.weight", G * D, C)
    add(p + "self_attn.v_proj.weight", G * D, C); add(p + "self_attn.o_proj.weight", C, H * D)
    add(p + "post_attention_layernorm.weight", C)
    add(p + "mlp.gate_proj.weight", FF, C); add(p + "mlp.up_proj.weight", FF, C); add(p + "mlp.down_proj.weight", C, FF)
add("model.norm.weight", C)
for w in weights.values(): w.requires_grad_(True)

out = sys.argv[1]
write_weights(out + "/model.safetensors", weights)
config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": V, "hidden_size": C, "intermediate_size": FF,
           "num_hidden_layers": L, "num_attention_heads": H, "num_key_value_heads": G, "head_dim": D, "max_position_embeddings": 64,
           "rms_norm_eps": 1e-5, "rope_theta": 10000, "tie_word_embeddings": True, "hidden_act": "silu"}
json.dump(config, open(out + "/config.json", "w"), indent=1)
def logits(ids): return llama(weights, ids, config)
sequences = [torch.randint(0, V, (n,)) for n in (T, 7, 1, 15)]
expected = {"sequences": [s.tolist() for s in sequences], "logits": [logits(s).tolist() for s in sequences]}

# One step: mean cross-entropy of all next tokens of all sequences together, and its gradients.
def loss():
    rows = torch.cat([logits(s)[:-1] for s in sequences if len(s) > 1]); targets = torch.cat([s[1:] for s in sequences])
    return F.cross_entropy(rows, targets)
value = loss(); value.backward()
expected["gradient_sums"] = {n: [weights[n].grad.double().sum().item(), weights[n].grad.double().pow(2).sum().item()] for n in names}
expected["gradient_first"] = {n: weights[n].grad.flatten()[:8].tolist() for n in names}
# Ten updates with clipping at norm 1 and AdamW (decay on matrices only).
opt = torch.optim.AdamW([{"params": [weights[n] for n in names if weights[n].dim() > 1], "weight_decay": 0.1},
                         {"params": [weights[n] for n in names if weights[n].dim() == 1], "weight_decay": 0.0}], lr=1e-2, betas=(0.9, 0.95), eps=1e-8)
losses = []
for step in range(10):
    opt.zero_grad(); value = loss(); value.backward()
    torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0); opt.step(); losses.append(value.item())
expected["losses"] = losses
json.dump(expected, open(out + "/expected.json", "w"))
