"""Writes references.json: what readImage must give for each valid file of PngSuite, as ImageMagick decodes it.

ImageMagick gives 16-bit RGBA. Each value is then composited over black and rounded to 8 bits, and the planes that the
file's colour type has (1 for grey and for palettes of greys, else 3) are hashed one after the other.

    python3 test/pngsuite/make_references.py     (with ImageMagick 6.9.11's convert)
"""

import hashlib
import json
import struct
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent


def is_grey(data: bytes) -> bool:
    """From the colour type in the header, and the palette."""
    colour_type = data[25]
    if colour_type != 3:
        return colour_type in (0, 4)
    start = data.index(b"PLTE")
    length = struct.unpack(">I", data[start - 4 : start])[0]
    palette = data[start + 4 : start + 4 + length]
    return all(len(set(palette[i : i + 3])) == 1 for i in range(0, length, 3))


def reference(path: Path) -> dict:
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    # Without -set colorspace, a gAMA chunk of 1.0 has ImageMagick convert from linear light.
    command = ["convert", path, "-set", "colorspace", "sRGB", "-depth", "16", "-endian", "MSB", "RGBA:-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    values = struct.unpack(f">{4 * width * height}H", raw)
    channels = 1 if is_grey(data) else 3
    planes = bytearray()
    for channel in range(channels):
        for pixel in range(width * height):
            value, alpha = values[4 * pixel + channel], values[4 * pixel + 3]
            # Rounded half up, in whole numbers.
            planes.append((2 * 255 * value * alpha + 65535 * 65535) // (2 * 65535 * 65535))
    return {"channels": channels, "height": height, "width": width, "sha256": hashlib.sha256(planes).hexdigest()}


files = sorted(path for path in FOLDER.glob("*.png") if not path.name.startswith("x"))
lines = [f'\t"{path.stem}": {json.dumps(reference(path))}' for path in files]
(FOLDER / "references.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
