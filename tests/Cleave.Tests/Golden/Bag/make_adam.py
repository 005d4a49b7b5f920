"""Writes adam.json: five steps of torch.optim.SparseAdam on a table of which few rows are touched (PyTorch 1.13)."""
import json
import os

import torch

torch.manual_seed(3)
ROWS, DIM, STEPS = 5, 11, 5
table = torch.nn.Parameter(torch.randn(ROWS, DIM))
start = table.detach().clone().tolist()
optimizer = torch.optim.SparseAdam([table], lr=0.05)
steps = []
for step in range(STEPS):
    rows = sorted({step % ROWS, (2 * step + 1) % ROWS})
    values = torch.randn(len(rows), DIM) * 10 ** (step - 3)
    table.grad = torch.sparse_coo_tensor([rows], values, (ROWS, DIM))
    optimizer.step()
    steps.append({"rows": rows, "gradient": values.tolist(), "table": table.detach().clone().tolist()})

with open(os.path.join(os.path.dirname(__file__), "adam.json"), "w", encoding="utf-8") as f:
    json.dump({"rows": ROWS, "dim": DIM, "rate": 0.05, "start": start, "steps": steps}, f)
