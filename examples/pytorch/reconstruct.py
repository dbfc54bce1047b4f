"""Encodes and decodes images with a model of Tessera, and prints the error of each, as `tessera reconstruct` does.

    python3 reconstruct.py runs/mnist mnist/t10k-images-idx3-ubyte.gz --count 10
"""
from __future__ import annotations

import argparse
import sys

import torch

from images import DataError, Preparation, check_images, find_images
from model_file import load_model, read_config
from safetensors_file import FormatError
from vqvae import to_bytes, to_network


def main() -> None:
    parser = argparse.ArgumentParser(description="Encode and decode images with a model of Tessera.")
    parser.add_argument("run", help="the folder of a run, or its model.safetensors")
    parser.add_argument("data", help="a folder of images, or of MNIST's IDX files; an IDX or a .npy file")
    parser.add_argument("--count", type=int, help="how many images (all)")
    options = parser.parse_args()
    try:
        model, _ = load_model(options.run)
        images, _ = find_images(options.data, Preparation.of_run(model.in_channels, read_config(options.run)))
        check_images(images, model.in_channels)
        for index in range(min(len(images), options.count or len(images))):
            pixels = images[index][None]
            reconstruction = to_bytes(model.decode(model.encode(to_network(pixels))))
            error = ((pixels.double() - reconstruction.double()) / 255).square().mean()
            print(f"{images.name_of(index)}: mean squared error {float(error):.5f}")
    except (DataError, FormatError, OSError) as error:
        sys.exit(f"reconstruct: {error}")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
