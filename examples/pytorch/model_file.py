"""Loads and saves model.safetensors of `tessera train`: sizes from the weights, settings from the metadata."""
from __future__ import annotations

import json
import os
import re
from typing import Any

import torch
from torch import Tensor

import safetensors_file
from quantizers import CodebookQuantizer, FiniteScalarQuantizer, Quantizer, ResidualQuantizer
from safetensors_file import FormatError
from vqvae import VQVAE

MODEL, CONFIG = "model.safetensors", "config.json"


def model_path(run: str) -> str:
    """The file of a model, given as that file or as the folder of its run."""
    path = os.path.join(run, MODEL) if os.path.isdir(run) else run
    if not os.path.isfile(path):
        raise FileNotFoundError(f'There is no "{path}": name the folder of a run of `tessera train`, or its {MODEL}.')
    return path


def load_model(run: str) -> tuple[VQVAE, dict[str, str]]:
    """The model of a run, and the metadata of its file.

    Raises FormatError, naming the file, if it contains another model.
    """
    path = model_path(run)
    state, metadata = safetensors_file.load(path)
    try:
        model = make_model(state, metadata)
        model.load_state_dict(state)
    except (KeyError, ValueError, TypeError, RuntimeError) as cause:
        raise FormatError(f'"{path}" is not a model of `tessera train`: {cause}') from cause
    return model, metadata


def read_config(run: str) -> dict[str, Any]:
    """The config.json next to a model; {} if there is none."""
    path = os.path.join(os.path.dirname(model_path(run)), CONFIG)
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    if not isinstance(config, dict):
        raise FormatError(f'"{path}" was not written by `tessera train`: it is no JSON object.')
    return config


def save_model(path: str, model: VQVAE, metadata: dict[str, str]) -> None:
    """Writes what `load_model`, and every command of Tessera, reads. Weights that are not finite are not written."""
    state = model.state_dict()
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise ArithmeticError(f"{name} is not finite, the training diverged, and nothing was saved: lower --lr.")
    safetensors_file.save(path, state, metadata)


def make_model(state: dict[str, Tensor], metadata: dict[str, str]) -> VQVAE:
    """A model of the sizes of a state dict."""
    half, in_channels = state["encoder.convs.0.weight"].shape[:2]
    blocks = tuple(
        len([name for name in state if re.fullmatch(rf"{part}\.convs\.\d+\.convs\.1\.weight", name)])
        for part in ("encoder", "decoder")
    )
    latent_dim = state[f"encoder.convs.{4 + blocks[0]}.weight"].shape[0]
    quantizer = make_quantizer(state, metadata)
    if quantizer.embedding_dim != latent_dim:
        raise ValueError(f"its quantizer has {quantizer.embedding_dim} dimensions, but its latents {latent_dim}.")
    return VQVAE(in_channels, 2 * half, blocks, quantizer, float(metadata.get("dataVariance", 1)))


def make_quantizer(state: dict[str, Tensor], metadata: dict[str, str]) -> Quantizer:
    """The quantizer that the metadata describes; without a description the paper's."""
    if "quantizer" not in metadata:
        codes, dim = state["vq_layer.embeddings.weight"].shape
        beta = float(metadata.get("commitmentCost", 0.25))
        return CodebookQuantizer(codes, dim, averaged=False, beta=beta, dead_below=0)
    settings: dict[str, Any] = json.loads(metadata["quantizer"])
    kind, levels = settings["quantizer"], settings["levels"]
    if kind == "fsq":
        return FiniteScalarQuantizer(levels)
    if kind not in ("ema", "loss", "residual"):
        raise ValueError(f'quantizer must be "ema", "loss", "residual" or "fsq", but is {json.dumps(kind)}.')
    rotation = settings["gradient"] == "rotation"

    def codebook(level: int, through_rotation: bool) -> CodebookQuantizer:
        return CodebookQuantizer(
            settings["codes"],
            settings["dim"],
            averaged=kind != "loss",
            beta=settings["beta"],
            decay=settings["decay"],
            dead_below=settings["deadBelow"],
            cosine=settings["similarity"] == "cosine",
            rotation=through_rotation,
            seed=(settings["seed"] + level) % 2**32,
        )

    if kind == "residual":
        return ResidualQuantizer([codebook(level, False) for level in range(levels[0] if levels else 2)], rotation)
    return codebook(0, rotation)
