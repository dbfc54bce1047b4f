"""Twenty training steps of the network of examples/character_transformer.js in PyTorch: transformer.json.

    python3 test/golden/transformer/make_transformer.py

The weights that it starts with are multiples of 1/1024, so that few digits give them exactly. Everything is computed in
float64. Made with PyTorch 1.13.1.
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
vocabulary, context, width, layers, heads, batch, steps, rate = 11, 8, 8, 4, 2, 3, 20, 0.02


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x):
        n, length, _ = x.shape
        q, k, v = (
            part.reshape(n, length, heads, width // heads).transpose(1, 2)
            for part in self.qkv(self.norm1(x)).split(width, -1)
        )
        scores = q @ k.transpose(-1, -2) / math.sqrt(width // heads)
        scores = scores.masked_fill(torch.ones(length, length).triu(1) == 1, float("-inf"))
        y = x + self.out((torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(n, length, width))
        return y + self.down(F.gelu(self.up(self.norm2(y))))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block() for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


model = GPT().double()
weights = {}
with torch.no_grad():
    for name, parameter in model.named_parameters():
        parameter.copy_(torch.round(parameter * 1024) / 1024)
        weights[name] = {
            "shape": list(parameter.shape),
            "units": [int(x) for x in (parameter * 1024).flatten().tolist()],
        }

text = torch.randint(0, vocabulary, (40,))
starts = torch.randint(0, len(text) - context, (steps, batch))
optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
losses = []
for at in starts:
    tokens = torch.stack([text[i : i + context] for i in at])
    targets = torch.stack([text[i + 1 : i + context + 1] for i in at])
    loss = F.cross_entropy(model(tokens).flatten(0, 1), targets.flatten())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
    optimizer.step()
    losses.append(float(f"{loss.item():.9g}"))

golden = {
    "sizes": {"vocabulary": vocabulary, "context": context, "width": width, "layers": layers, "heads": heads},
    "rate": rate,
    "text": text.tolist(),
    "starts": starts.tolist(),
    "losses": losses,
    "weights": weights,
}
pathlib.Path(__file__).with_name("transformer.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
print(losses)
