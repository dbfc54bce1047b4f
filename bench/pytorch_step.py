"""The training step of bench:train in PyTorch, to be compared with by hand; prints JSON.

    python3 bench/pytorch_step.py [--rounds 7] [--threads 2]

On the CPU: eager. Where CUDA is there: eager and as a CUDA graph, each with TF32 off and on. Random images: the time
does not depend on them.
"""
import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional as F

BATCH, CODES, DIMENSIONS, BETA, VARIANCE = 128, 128, 16, 0.25, 0.0949304


class VQVAE(nn.Module):
    """The reference network of the README, one channel."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(), nn.Conv2d(64, DIMENSIONS, 1)
        )
        self.codebook = nn.Embedding(CODES, DIMENSIONS)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(DIMENSIONS, 64, 3, 2, 1, 1), nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 3, 2, 1, 1), nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 3, 1, 1),
        )

    def loss(self, images):
        z = self.encoder(images).permute(0, 2, 3, 1)
        flat, e = z.reshape(-1, DIMENSIONS), self.codebook.weight
        distances = flat.pow(2).sum(1, keepdim=True) + e.pow(2).sum(1) - 2 * flat @ e.t()
        q = self.codebook(distances.argmin(1)).view(z.shape)
        vq_loss = F.mse_loss(q, z.detach()) + BETA * F.mse_loss(z, q.detach())
        q = z + (q - z).detach()
        return F.mse_loss(self.decoder(q.permute(0, 3, 1, 2).contiguous()), images) / VARIANCE + vq_loss


def eager_step(model, optimizer, images):
    def step():
        optimizer.zero_grad(set_to_none=True)
        model.loss(images).backward()
        optimizer.step()

    return step


def graph_step(model, optimizer, images):
    """The step as a CUDA graph, after the warm-up on a side stream that PyTorch's documentation asks for."""
    step = eager_step(model, optimizer, images)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    optimizer.zero_grad(set_to_none=True)
    with torch.cuda.graph(graph):
        model.loss(images).backward()
        optimizer.step()
    return graph.replay


def measure(make, device, rounds, **adam):
    torch.manual_seed(0)
    model = VQVAE().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **adam)
    step = make(model, optimizer, torch.rand(BATCH, 1, 28, 28, device=device) - 0.5)

    def clock(calls):
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(calls):
            step()
        if device == "cuda":
            torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - start) / calls

    clock(3)
    # A sample lasts some 5 ms at least, as in the other benchmarks.
    calls = min(64, max(1, round(5 / clock(1))))
    times = torch.tensor(sorted(clock(calls) for _ in range(rounds)), dtype=torch.float64)
    low, median, high = (torch.quantile(times, q).item() for q in (0.25, 0.5, 0.75))
    return {"ms": median, "quartiles": [low, high], "runs": rounds, "images_per_second": 1000 * BATCH / median}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2, help="on the CPU")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = {"cpu eager": measure(eager_step, "cpu", options.rounds)}
    if torch.cuda.is_available():
        for tf32 in (False, True):
            torch.backends.cuda.matmul.allow_tf32 = tf32
            torch.backends.cudnn.allow_tf32 = tf32
            suffix = "TF32" if tf32 else "fp32"
            rows[f"cuda eager {suffix}"] = measure(eager_step, "cuda", options.rounds)
            rows[f"cuda graph {suffix}"] = measure(graph_step, "cuda", options.rounds, capturable=True)
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    print(json.dumps({"torch": torch.__version__, "threads": options.threads, "cuda": cuda, "rows": rows}, indent="\t"))


if __name__ == "__main__":
    main()
