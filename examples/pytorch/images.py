"""Images as bytes: IDX files (MNIST's format), .npy files, and folders of image files, which need Pillow.

Uncompressed IDX and .npy files are mapped into memory, so they may be larger than it, and processes share them.
"""
from __future__ import annotations

import ast
import gzip
import mmap
import os
import struct
from dataclasses import dataclass
from math import prod
from typing import Any, Mapping, Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

IDX_NAMES = {"train": "train-images-idx3-ubyte", "held out": "t10k-images-idx3-ubyte"}
HELD_OUT_FOLDERS = ("val", "valid", "validation", "test")
EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")


class DataError(ValueError):
    """There are no images, or they do not fit the model."""


class ImageError(DataError):
    """One image cannot be read, or has another size."""


@dataclass(frozen=True)
class Preparation:
    """How image files become the model's input."""

    channels: int  # 1 or 3
    size: int | None = None  # the shorter side is scaled to it, and a square cut out of the middle; None: as they are
    background: str = "black"  # transparent pixels are composited over it

    @staticmethod
    def of_run(channels: int, config: Mapping[str, Any]) -> Preparation:
        """As `tessera train` has prepared the images of a run, from its config.json."""
        return Preparation(channels, config.get("size"), config.get("background", "black"))


class Images(Dataset):
    """Images of one shape, uint8 [C, H, W]."""

    shape: tuple[int, int, int]

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, index: int) -> Tensor:
        raise NotImplementedError

    def name_of(self, index: int) -> str:
        raise NotImplementedError


class PixelFile(Images):
    """The images of an IDX or a .npy file."""

    def __init__(self, path: str) -> None:
        self.path = path
        content = open_bytes(path)
        read = read_npy if path.endswith(".npy") else read_idx
        try:
            shape, start = read(content)
            if len(shape) not in (3, 4) or len(content) - start < prod(shape) or prod(shape) == 0:
                raise ValueError(f"shape {shape} in {len(content) - start} bytes")
        except (ValueError, SyntaxError, KeyError, struct.error) as cause:
            raise DataError(
                f'"{path}" is no IDX or .npy file of images, bytes [N, H, W] or [N, C, H, W]: {cause}.'
            ) from cause
        pixels = torch.frombuffer(content, dtype=torch.uint8, count=prod(shape), offset=start)
        self.pixels = pixels.view(shape[0], *(shape[1:] if len(shape) == 4 else (1, *shape[1:])))
        self.shape = tuple(self.pixels.shape[1:])

    def __reduce__(self) -> tuple[type[PixelFile], tuple[str]]:
        """Another process maps the file itself."""
        return PixelFile, (self.path,)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Tensor:
        return self.pixels[index]

    def name_of(self, index: int) -> str:
        return f"{self.path} [{index}]"


class ImageFiles(Images):
    """The image files in a folder, at any depth, sorted by path."""

    def __init__(self, folder: str, preparation: Preparation) -> None:
        self.preparation = preparation
        self.paths: list[str] = []
        for at, folders, names in os.walk(folder, followlinks=True):
            folders[:] = [name for name in folders if not name.startswith(".")]
            self.paths += [os.path.join(at, name) for name in names if is_image(name)]
        self.paths.sort()
        if not self.paths:
            raise DataError(f'"{folder}" contains neither {IDX_NAMES["train"]} nor image files.')
        self.shape = tuple(read_image(self.paths[0], preparation).shape)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        image = read_image(self.paths[index], self.preparation)
        if tuple(image.shape) != self.shape:
            raise ImageError(
                f'"{self.paths[index]}" is {size_of(image.shape)}, but "{self.paths[0]}" {size_of(self.shape)}: '
                "images must have one size. `tessera train --size` makes a run whose images are scaled and cropped."
            )
        return image

    def name_of(self, index: int) -> str:
        return self.paths[index]


def find_images(path: str, preparation: Preparation) -> tuple[Images, Images | None]:
    """The images for training, and those that are held out if there are some.

    A folder contains MNIST's IDX files, or `train/` and `val/` (or `test/`) with image files, or image files. A file
    is an IDX or a .npy file.
    """
    if os.path.isfile(path):
        return PixelFile(path), None
    if not os.path.isdir(path):
        raise DataError(f'There is no file or folder "{path}": name a folder of images, an IDX file or a .npy file.')
    files = {part: idx_file(path, name) for part, name in IDX_NAMES.items()}
    if files["train"] is not None:
        return PixelFile(files["train"]), PixelFile(files["held out"]) if files["held out"] is not None else None
    train = os.path.join(path, "train")
    if not os.path.isdir(train):
        return ImageFiles(path, preparation), None
    others = [folder for folder in (os.path.join(path, name) for name in HELD_OUT_FOLDERS) if os.path.isdir(folder)]
    return ImageFiles(train, preparation), ImageFiles(others[0], preparation) if others else None


def check_images(images: Images, channels: int) -> None:
    """Raises DataError unless a model of so many channels takes the images."""
    found, height, width = images.shape
    if found != channels or height % 4 != 0 or width % 4 != 0:
        raise DataError(
            f"{images.name_of(0)} is {size_of(images.shape)}, but the model takes {channels} channel"
            f"{'' if channels == 1 else 's'} and sides that are divisible by 4."
        )


def idx_file(folder: str, name: str) -> str | None:
    paths = [os.path.join(folder, name + end) for end in ("", ".gz")]
    return next((path for path in paths if os.path.isfile(path)), None)


def open_bytes(path: str) -> bytearray | mmap.mmap:
    """The bytes of a file: decompressed, or mapped into memory."""
    if path.endswith(".gz"):
        with gzip.open(path) as compressed:
            return bytearray(compressed.read())
    with open(path, "rb") as file:
        if os.path.getsize(path) == 0:
            raise DataError(f'"{path}" is empty.')
        # A private mapping: writable, which tensors want, but nothing is written to the file.
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def read_idx(content: bytearray | mmap.mmap) -> tuple[tuple[int, ...], int]:
    """The shape of an IDX file of bytes, and where its data start."""
    zeros, dtype, rank = struct.unpack_from(">HBB", content)
    if zeros != 0 or dtype != 8:
        raise ValueError("it does not start with an IDX header of bytes")
    return struct.unpack_from(f">{rank}I", content, 4), 4 + 4 * rank


def read_npy(content: bytearray | mmap.mmap) -> tuple[tuple[int, ...], int]:
    """The shape of a .npy file of bytes, and where its data start."""
    if content[:6] != b"\x93NUMPY":
        raise ValueError("it does not start with a .npy header")
    start, form = (10, "<H") if content[6] == 1 else (12, "<I")
    (length,) = struct.unpack_from(form, content, 8)
    header = ast.literal_eval(content[start : start + length].decode("latin-1"))
    if header["descr"] not in ("|u1", "<u1", "u1") or header["fortran_order"]:
        raise ValueError(f"dtype {header['descr']}, {'column' if header['fortran_order'] else 'row'}-major")
    return tuple(header["shape"]), start + length


def read_image(path: str, preparation: Preparation) -> Tensor:
    """An image file as uint8 [C, H, W]: turned as its EXIF data say, over the background, scaled and cropped."""
    try:
        from PIL import Image, ImageOps
    except ImportError as cause:
        raise DataError(
            "Image files are decoded by Pillow, which is not installed: install it (torchvision brings it too), "
            "or give an IDX or .npy file."
        ) from cause
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            if image.mode.startswith("I"):  # 16 bits
                image = image.point(lambda value: value * (1 / 257)).convert("L")
            if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, preparation.background), image)
            image = image.convert("L" if preparation.channels == 1 else "RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as cause:
        raise ImageError(f'"{path}" cannot be read ({cause}): remove it.') from cause
    side = preparation.size
    if side is not None:
        image = ImageOps.fit(image, (side, side), Image.LANCZOS)
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return pixels.view(image.height, image.width, preparation.channels).permute(2, 0, 1).contiguous()


def is_image(name: str) -> bool:
    return name.lower().endswith(EXTENSIONS) and not name.startswith(".")


def size_of(shape: Sequence[int]) -> str:
    channels, height, width = shape
    return f"{width} × {height} with {channels} channel{'' if channels == 1 else 's'}"
