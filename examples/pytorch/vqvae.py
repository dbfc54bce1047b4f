"""The network of Tessera's VQ-VAE (src/vqvae/), with the same names in its state dict."""
from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from quantizers import Quantizer, squared_error


class ResidualBlock(nn.Module):
    """x + conv1×1(ReLU(conv3×3(ReLU(x)))), [B, C, h, w] → the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.convs = nn.Sequential(
            nn.ReLU(), nn.Conv2d(channels, half, 3, 1, 1), nn.ReLU(), nn.Conv2d(half, channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.convs(x)


class Encoder(nn.Module):
    """Images [B, C, H, W] → latents [B, D, H/4, W/4]."""

    def __init__(self, in_channels: int, latent_dim: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(in_channels, hidden // 2, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(hidden // 2, hidden, 3, 2, 1),
            *(ResidualBlock(hidden) for _ in range(blocks)),
            nn.ReLU(),
            nn.Conv2d(hidden, latent_dim, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.convs(images)


class Decoder(nn.Module):
    """Latents [B, D, h, w] → images [B, C, 4h, 4w]."""

    def __init__(self, out_channels: int, latent_dim: int, hidden: int, blocks: int) -> None:
        super().__init__()
        widening: list[nn.Module] = []
        if blocks > 0:
            inner = [ResidualBlock(hidden) for _ in range(blocks)]
            widening = [nn.Conv2d(latent_dim, hidden, 3, 1, 1), *inner, nn.ReLU()]
        self.convs = nn.Sequential(
            *widening,
            nn.ConvTranspose2d(hidden if blocks > 0 else latent_dim, hidden, 3, 2, 1, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(hidden, hidden // 2, 3, 2, 1, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(hidden // 2, out_channels, 3, 1, 1),
        )

    def forward(self, latents: Tensor) -> Tensor:
        return self.convs(latents)


@dataclass(frozen=True)
class Output:
    """What the forward pass returns; the losses are this process's shares, which add up to the batch's."""

    reconstruction: Tensor  # float32 [B, C, H, W]
    latents: Tensor  # float32 [B, D, H/4, W/4]
    indices: Tensor  # int64 [B, H/4, W/4]; with several levels [B, H/4, W/4, levels]
    loss: Tensor  # recon_loss and the quantizer's loss, to be minimised
    recon_loss: Tensor  # mse(reconstruction, images) / data_variance
    commitment_loss: Tensor  # mse(latents, codes), without its weight β


class VQVAE(nn.Module):
    """Images are float32 [B, C, H, W] in [−0.5, 0.5], H and W divisible by 4."""

    def __init__(
        self,
        in_channels: int,
        hidden: int,
        blocks: tuple[int, int],
        quantizer: Quantizer,
        data_variance: float = 1.0,
    ) -> None:
        super().__init__()
        self.in_channels, self.data_variance = in_channels, data_variance
        self.encoder = Encoder(in_channels, quantizer.embedding_dim, hidden, blocks[0])
        self.vq_layer = quantizer
        self.decoder = Decoder(in_channels, quantizer.embedding_dim, hidden, blocks[1])

    def forward(self, images: Tensor, total: int | None = None) -> Output:
        """`total`: images of the whole batch, if these are the part of one process."""
        total = len(images) if total is None else total
        latents = self.encoder(images)
        # Distances and losses are float32 under autocast too.
        with torch.autocast(images.device.type, enabled=False):
            latents = latents.float()
            quantized = self.vq_layer.quantize(latents, total)
        reconstruction = self.decoder(quantized.vectors).float()
        recon_loss = squared_error(reconstruction, images) / (total * prod(images.shape[1:]) * self.data_variance)
        return Output(
            reconstruction, latents, quantized.indices, recon_loss + quantized.loss, recon_loss, quantized.commitment
        )

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] → codes, int64 [B, H/4, W/4]; with several levels [B, H/4, W/4, levels]."""
        return self.vq_layer.encode(self.encoder(images).float())

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Codes → images [B, C, 4h, 4w]."""
        return self.decoder(self.vq_layer.lookup(codes))


def to_network(pixels: Tensor) -> Tensor:
    """Bytes → the network's input: pixel / 255 − 0.5."""
    return pixels.float() / 255 - 0.5


def to_bytes(values: Tensor) -> Tensor:
    """The network's output → bytes, rounded and clamped."""
    return ((values.double() + 0.5) * 255 + 0.5).floor().clamp(0, 255).to(torch.uint8)
