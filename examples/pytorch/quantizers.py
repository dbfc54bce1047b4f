"""The quantizers of Tessera: a codebook (moving averages, or the paper's loss), residual, and finite scalar.

The arithmetic is that of src/quantizers/ and of kernels/code_averages.wgsl, update_codebook.wgsl, finite_scalar.wgsl
and rotation_trick_grad.wgsl. With torch.distributed, each process has a part of a batch: `update` adds up the
statistics of all parts, so that every process makes the same codebook.
"""
from __future__ import annotations

from dataclasses import dataclass
from math import prod, tan
from typing import Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Share:
    """The part of a batch that a process has: the number of its first image, and how many images the batch has."""

    first: int
    total: int


@dataclass(frozen=True)
class Quantized:
    """What `quantize` returns for latents [B, D, h, w]."""

    vectors: Tensor  # [B, D, h, w], the decoder's input; its gradient reaches the latents
    indices: Tensor  # int64 [B, h, w]; with several levels [B, h, w, levels]
    loss: Tensor  # scalar: this process's share of the quantizer's loss
    commitment: Tensor  # scalar: its share of mse(latents, codes), without the weight β


class Quantizer(nn.Module):
    embedding_dim: int  # D
    num_embeddings: int  # K, the number of values of an index
    levels = 1  # indices at each position

    def quantize(self, z: Tensor, total: int) -> Quantized:
        """Latents [B, D, h, w] → codes, for training. `total`: images of the whole batch; z may be a part of it."""
        raise NotImplementedError

    def encode(self, z: Tensor) -> Tensor:
        """Latents [B, D, h, w] → indices, int64 [B, h, w]; with several levels [B, h, w, levels]."""
        raise NotImplementedError

    def lookup(self, indices: Tensor) -> Tensor:
        """Indices → the decoder's input [B, D, h, w]."""
        raise NotImplementedError

    def update(self, z: Tensor, indices: Tensor, share: Share) -> None:
        """Learns what is not learnt by gradient, after the optimizer's step. All processes call it together."""

    def count_codes(self, indices: Tensor) -> Tensor:
        """How often each code occurs, int64 [levels · K], those of the first level first."""
        offsets = torch.arange(self.levels, device=indices.device) * self.num_embeddings
        codes = indices.reshape(-1, self.levels) + offsets
        return torch.bincount(codes.reshape(-1), minlength=self.levels * self.num_embeddings)


class CodebookQuantizer(Quantizer):
    """One codebook. A code is the moving average of its latents (`averaged`), or learnt by gradient (the paper's)."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        averaged: bool,
        beta: float = 0.25,
        decay: float = 0.5,
        dead_below: float = 0.1,
        cosine: bool = False,
        rotation: bool = False,
        seed: int = 0,
        epsilon: float = 1e-5,
    ) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.averaged, self.beta, self.decay, self.epsilon = averaged, beta, decay, epsilon
        self.dead_below, self.cosine, self.rotation, self.seed = dead_below, cosine, rotation, seed
        self.embeddings = nn.Embedding(num_embeddings, embedding_dim)
        self.embeddings.weight.requires_grad = not averaged
        self.updates = 0  # with the seed, decides from which latents dead codes are re-initialised
        if averaged or cosine or dead_below > 0:
            # float32 [K] and [K, D]: moving averages of the number of a code's latents in a step, and of their sum.
            self.register_buffer("cluster_size", torch.ones(num_embeddings))
            self.register_buffer("embedding_sum", self.embeddings.weight.detach().clone())

    def quantize(self, z: Tensor, total: int) -> Quantized:
        codes, latents = self.codes(), self.comparable(z)
        indices = nearest(to_vectors(latents).detach(), codes.detach()).view(positions_of(z))
        found = to_maps(codes[indices])
        elements = total * prod(z.shape[1:])
        commitment = squared_error(latents, found.detach()) / elements
        loss = self.beta * commitment
        if not self.averaged:
            loss = loss + squared_error(found, latents.detach()) / elements
        through = rotation_trick if self.rotation else straight_through
        return Quantized(through(latents, found.detach()), indices, loss, commitment)

    def encode(self, z: Tensor) -> Tensor:
        return nearest(to_vectors(self.comparable(z)), self.codes()).view(positions_of(z))

    def lookup(self, indices: Tensor) -> Tensor:
        return to_maps(self.codes()[indices])

    @torch.no_grad()
    def update(self, z: Tensor, indices: Tensor, share: Share) -> None:
        """N ← γN + (1 − γ)n, m ← γm + (1 − γ)Σz, with n and Σz over the latents of all processes.

        Then e ← m / Ñ with Ñ = (N + ε) / (ΣN + Kε) · ΣN, or m / ‖m‖ with cosine similarity. Codes with
        N < dead_below · ΣN / K are re-initialised from latents.
        """
        if not self.averaged and self.dead_below == 0:
            return
        self.updates += 1
        flat, codes = to_vectors(self.comparable(z)), indices.reshape(-1)
        sums = flat.new_zeros(self.num_embeddings, self.embedding_dim + 1)  # the last column counts
        sums.index_add_(0, codes, torch.cat([flat, flat.new_ones(len(flat), 1)], dim=1))
        sums = all_reduce(sums)
        self.cluster_size.mul_(self.decay).add_(sums[:, -1], alpha=1 - self.decay)
        self.embedding_sum.mul_(self.decay).add_(sums[:, :-1], alpha=1 - self.decay)
        size, weight, count = self.cluster_size, self.embeddings.weight, self.cluster_size.sum()
        if self.averaged and self.cosine:
            weight.copy_(F.normalize(self.embedding_sum))
        elif self.averaged:
            smoothed = (size + self.epsilon) / (count + self.num_embeddings * self.epsilon) * count
            weight.copy_(self.embedding_sum / smoothed[:, None])
        if self.dead_below > 0:
            self.reinitialise(flat, share, prod(z.shape[2:]), self.dead_below * count / self.num_embeddings)

    def reinitialise(self, flat: Tensor, share: Share, inner: int, threshold: Tensor) -> None:
        """Gives dead codes latents of the step, and sets their averages, which would move them back otherwise.

        The rows of the latents are those of the whole batch, in the order of its images. Each process has some of them:
        it contributes those, zeros for the others, and the sum over all processes is what every one of them takes.
        """
        dead = self.cluster_size < threshold
        k = torch.arange(self.num_embeddings, device=flat.device)
        key = pcg_hash(pcg_hash(torch.tensor(self.seed, device=k.device)) ^ self.updates)
        rows = pcg_hash(key ^ k) % (share.total * inner)
        own = rows - share.first * inner
        here = dead & (own >= 0) & (own < len(flat))
        latents = torch.zeros_like(self.embedding_sum)
        latents[here] = flat[own[here]]
        latents = all_reduce(latents)
        self.embeddings.weight[dead] = latents[dead]
        self.embedding_sum[dead] = threshold * latents[dead]
        self.cluster_size[dead] = threshold

    def codes(self) -> Tensor:
        """float32 [K, D], those with which latents are compared."""
        return F.normalize(self.embeddings.weight) if self.cosine else self.embeddings.weight

    def comparable(self, z: Tensor) -> Tensor:
        return F.normalize(z) if self.cosine else z


class ResidualQuantizer(Quantizer):
    """Several codebooks, each for the residual that those before it leave. A vector is the sum of one code of each."""

    def __init__(self, codebooks: Sequence[CodebookQuantizer], rotation: bool = False) -> None:
        super().__init__()
        self.codebooks = nn.ModuleList(codebooks)
        self.levels, self.rotation = len(codebooks), rotation
        self.embedding_dim, self.num_embeddings = codebooks[0].embedding_dim, codebooks[0].num_embeddings

    def quantize(self, z: Tensor, total: int) -> Quantized:
        residual, parts = z, []
        for codebook in self.codebooks:
            parts.append(codebook.quantize(residual, total))
            residual = residual - parts[-1].vectors.detach()
        vectors = sum(part.vectors.detach() for part in parts)
        through = rotation_trick if self.rotation else straight_through
        return Quantized(
            through(z, vectors),
            torch.stack([part.indices for part in parts], dim=-1),
            sum(part.loss for part in parts),
            sum(part.commitment for part in parts),
        )

    def encode(self, z: Tensor) -> Tensor:
        residual, indices = z, []
        for codebook in self.codebooks:
            indices.append(codebook.encode(residual))
            residual = residual - codebook.lookup(indices[-1])
        return torch.stack(indices, dim=-1)

    def lookup(self, indices: Tensor) -> Tensor:
        return sum(codebook.lookup(codes) for codebook, codes in zip(self.codebooks, indices.unbind(-1)))

    @torch.no_grad()
    def update(self, z: Tensor, indices: Tensor, share: Share) -> None:
        residual = z
        for codebook, codes in zip(self.codebooks, indices.unbind(-1)):
            # Before `update` moves this level's codes.
            rest = residual - codebook.lookup(codes)
            codebook.update(residual, codes, share)
            residual = rest


class FiniteScalarQuantizer(Quantizer):
    """Each channel is bounded by a tanh and rounded to one of its levels (Mentzer et al. 2023, appendix A.1)."""

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        self.embedding_dim, self.num_embeddings = len(levels), prod(levels)
        per_channel = lambda values: torch.tensor(values, dtype=torch.float32).view(1, -1, 1, 1)
        half = [(level - 1) * 0.4995 for level in levels]
        offset = [0.5 if level % 2 == 0 else 0.0 for level in levels]
        self.register_buffer("bound", per_channel(half), persistent=False)
        self.register_buffer("offset", per_channel(offset), persistent=False)
        self.register_buffer("shift", per_channel([tan(o / h) for o, h in zip(offset, half)]), persistent=False)
        self.register_buffer("width", per_channel([level // 2 for level in levels]), persistent=False)
        counts = torch.tensor(levels).view(1, -1, 1, 1)
        self.register_buffer("level_counts", counts, persistent=False)
        self.register_buffer("basis", counts.cumprod(1) // counts, persistent=False)

    def quantize(self, z: Tensor, total: int) -> Quantized:
        bounded = torch.tanh(z + self.shift) * self.bound - self.offset
        rounded = bounded.detach().round()
        none = z.new_zeros(())
        vectors = straight_through(bounded / self.width, rounded / self.width)
        return Quantized(vectors, self.indices_of(rounded), none, none)

    def encode(self, z: Tensor) -> Tensor:
        return self.indices_of((torch.tanh(z + self.shift) * self.bound - self.offset).round())

    def lookup(self, indices: Tensor) -> Tensor:
        digits = indices[:, None] // self.basis % self.level_counts
        return (digits - self.width) / self.width

    def indices_of(self, rounded: Tensor) -> Tensor:
        """Rounded channels [B, D, h, w] → int64 [B, h, w]; the first channel varies fastest."""
        return ((rounded + self.width).long() * self.basis).sum(1)


def nearest(z: Tensor, codes: Tensor) -> Tensor:
    """The code nearest to each vector: z [N, D], codes [K, D] → int64 [N], the lowest index among equals.

    A matrix product proposes two codes. Σ(z − e)² decides between them: ‖e‖² − 2z·e loses digits far from the origin.
    """
    scores = torch.addmm(codes.square().sum(1), z, codes.t(), alpha=-2)
    proposed = scores.topk(min(2, len(codes)), dim=1, largest=False).indices.sort(dim=1).values
    distances = (z[:, None] - codes[proposed]).square().sum(2)
    return proposed.gather(1, distances.argmin(1, keepdim=True)).squeeze(1)


def straight_through(z: Tensor, quantized: Tensor) -> Tensor:
    """The value of `quantized`, exactly, with a gradient that is passed to z unchanged."""
    return quantized + (z - z.detach())


def rotation_trick(z: Tensor, quantized: Tensor) -> Tensor:
    """The value of `quantized` as a rotation and scaling of z, both held constant (Fifty et al. 2024). [B, D, h, w]

    A vector of length 0, and one that points away from its code, gets the gradient of the straight-through estimator.
    """
    with torch.no_grad():
        zz, qq = z.square().sum(1, keepdim=True), quantized.square().sum(1, keepdim=True)
        unit_z, unit_q = z / zz.clamp_min(1e-30).sqrt(), quantized / qq.clamp_min(1e-30).sqrt()
        both = 2 + 2 * (unit_z * unit_q).sum(1, keepdim=True)  # ‖ẑ + q̂‖²
        turned = (zz > 1e-30) & (qq > 1e-30) & (both > 1e-6)
        scale = (qq / zz.clamp_min(1e-30)).sqrt()
        middle = unit_z + unit_q
    along = 2 * (middle * z).sum(1, keepdim=True) / both.clamp_min(1e-6)
    rotated = scale * (z - along * middle + 2 * (unit_z * z).sum(1, keepdim=True) * unit_q)
    return straight_through(torch.where(turned, rotated, z), quantized)


def pcg_hash(value: Tensor) -> Tensor:
    """PCG on 32 bits (Jarzynski & Olano, "Hash functions for GPU rendering", 2020), in int64."""
    state = (value * 747796405 + 2891336453) & 0xFFFFFFFF
    word = (((state >> ((state >> 28) + 4)) ^ state) * 277803737) & 0xFFFFFFFF
    return (word >> 22) ^ word


def all_reduce(values: Tensor) -> Tensor:
    """The sum over all processes, the same bits on each; without torch.distributed the values themselves."""
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(values)
    return values


def squared_error(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().sum()


def to_vectors(maps: Tensor) -> Tensor:
    """[B, D, h, w] → [B·h·w, D]"""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def to_maps(vectors: Tensor) -> Tensor:
    """[B, h, w, D] → [B, D, h, w]"""
    return vectors.permute(0, 3, 1, 2)


def positions_of(maps: Tensor) -> tuple[int, int, int]:
    return maps.shape[0], maps.shape[2], maps.shape[3]
