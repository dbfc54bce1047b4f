"""Reads and writes safetensors files: 8 bytes, the length of the header; the header, JSON; the tensors' bytes.

The package `safetensors` does the same. This module is for systems that have PyTorch without it, such as Debian.
"""
from __future__ import annotations

import ctypes
import json
import math
import os
import struct
import sys
import tempfile
from typing import Mapping

import torch
from torch import Tensor

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
}
METADATA = "__metadata__"
MAX_HEADER_BYTES = 100_000_000


class FormatError(ValueError):
    """A file does not contain what it should."""


def load(path: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file by name, and its metadata.

    Raises FormatError, naming the file, if it is truncated or its header does not follow the format.
    """
    check_byte_order()
    with open(path, "rb") as file:
        content = bytearray(file.read())
    try:
        return parse(content)
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as cause:
        raise FormatError(f'"{path}" is not a safetensors file, or is damaged: {cause}') from cause


def parse(content: bytearray) -> tuple[dict[str, Tensor], dict[str, str]]:
    (header_bytes,) = struct.unpack_from("<Q", content)
    start = 8 + header_bytes
    if header_bytes > MAX_HEADER_BYTES or start > len(content):
        raise FormatError(f"a header of {header_bytes} bytes in a file of {len(content)}.")
    header = json.loads(content[8:start])
    metadata = header.pop(METADATA, {})
    tensors: dict[str, Tensor] = {}
    for name, entry in header.items():
        if entry["dtype"] not in DTYPES:
            raise FormatError(f'"{name}" has dtype {entry["dtype"]}; {", ".join(DTYPES)} are read.')
        none = torch.empty(0, dtype=DTYPES[entry["dtype"]])
        shape, (begin, end) = entry["shape"], entry["data_offsets"]
        size = math.prod(shape) * none.element_size()
        if not 0 <= begin <= end <= len(content) - start or end - begin != size:
            raise FormatError(f'"{name}" takes {size} bytes, but has {begin} to {end} of {len(content) - start}.')
        # The slice is a copy, which the tensor keeps. frombuffer takes no empty range.
        data = content[start + begin : start + end]
        tensors[name] = (torch.frombuffer(data, dtype=none.dtype) if data else none).reshape(shape)
    return tensors, metadata


def save(path: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes a file completely or not at all: to a temporary file in the same folder, which is then renamed."""
    check_byte_order()
    names = {dtype: name for name, dtype in DTYPES.items()}
    header: dict[str, object] = {METADATA: dict(metadata)} if metadata else {}
    parts: list[bytes] = []
    offset = 0
    for name, tensor in tensors.items():
        values = tensor.detach().cpu().contiguous()
        part = ctypes.string_at(values.data_ptr(), values.numel() * values.element_size()) if values.numel() else b""
        header[name] = {
            "dtype": names[values.dtype],
            "shape": list(values.shape),
            "data_offsets": [offset, offset + len(part)],
        }
        parts.append(part)
        offset += len(part)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    write_atomically(path, [struct.pack("<Q", len(text)), text, *parts])


def write_atomically(path: str, parts: list[bytes]) -> None:
    """Writes a file completely or not at all."""
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", suffix=".tmp", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def check_byte_order() -> None:
    if sys.byteorder != "little":
        raise RuntimeError("safetensors_file: the format is little-endian, and this machine is not.")
