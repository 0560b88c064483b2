"""Makes images/ (one small file of each kind) and images.npz, what Pillow and
torchvision make of them, for decode_test.go:

    decode/<file>   Image.open(file).convert("RGB"), (h, w, 3)
    fit/<k>         of fit/source, resized as "fits" in `about` says
    end/<file>      some files through ImageFolder's loader, v2.Resize(24) with
                    antialias and v2.CenterCrop(24)

    python make_images.py
"""

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.datasets.folder import pil_loader
from torchvision.transforms import v2

here = Path(__file__).parent
sys.path.insert(0, str(here / "../../internal/testutil"))
import golden  # noqa: E402


def picture(h, w):
    """Waves, a sharp-edged red disc on green, and a little noise."""
    y, x = np.mgrid[:h, :w].astype(np.float64)
    p = np.stack([128 + 100 * np.sin(x / 5), 128 + 90 * np.cos(y / 7), 3 * (x + y) % 256], axis=-1)
    p[(y - h / 2) ** 2 + (x - w / 3) ** 2 < (h / 4) ** 2] = [220, 20, 40]
    p[: h // 5, w // 2 :] = [10, 200, 30]
    p += 8 * golden.uniform("picture", h, w, 3)
    return p.clip(0, 255).astype(np.uint8)


def png16(path, a):
    """a (h, w, 3) uint16; Pillow cannot write such PNG files."""
    h, w, _ = a.shape
    rows = b"".join(b"\0" + r.astype(">u2").tobytes() for r in a)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 16, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


out = here / "images"
out.mkdir(exist_ok=True)
a = picture(26, 34)
rgb = Image.fromarray(a)
gray = rgb.convert("L")
alpha = Image.fromarray(np.linspace(0, 255, a.shape[1]).astype(np.uint8)[None].repeat(a.shape[0], 0))
rgba = Image.merge("RGBA", [*rgb.split(), alpha])
for name, sub in [("444", 0), ("422", 1), ("420", 2)]:
    rgb.save(out / f"rgb{name}.jpg", quality=90, subsampling=sub)
rgb.save(out / "progressive.jpg", quality=80, progressive=True)
rgb.save(out / "quality40.JPEG", quality=40)
rgb.crop((0, 0, 4, 5)).save(out / "tiny.jpeg", quality=90)
exif = Image.Exif()
exif[0x0112] = 6  # to be turned by 90 degrees, which ImageFolder does not do
rgb.save(out / "turned.jpg", quality=90, exif=exif)
gray.save(out / "gray.jpg", quality=90)
rgb.convert("CMYK").save(out / "cmyk.jpg", quality=90)
rgb.save(out / "rgb.png")
gray.save(out / "gray.png")
rgba.save(out / "rgba.png")
rgba.convert("LA").save(out / "gray-alpha.png")
gray.convert("1").save(out / "bits.png")
rgb.quantize(40).save(out / "palette.png")
rgb.quantize(40).save(out / "palette-transparent.png", transparency=3)
png16(out / "rgb16.png", a.astype(np.uint16) * 257 - (a > 7) * 13)
rgb.quantize(40).save(out / "palette.gif")
rgb.quantize(40).save(out / "transparent.gif", transparency=3)
rgb.save(out / "rgb.bmp")
gray.save(out / "gray.bmp")
rgb.quantize(40).save(out / "palette.bmp")
rgb.save(out / "lossy.webp", quality=80)
rgb.save(out / "lossless.webp", lossless=True)
rgba.save(out / "alpha.webp", quality=80)

arrays = {}
end = v2.Compose([v2.PILToTensor(), v2.Resize(24, antialias=True), v2.CenterCrop(24)])
for f in sorted(out.iterdir()):
    arrays[f"decode/{f.name}"] = np.asarray(pil_loader(f))
    if f.name in ("rgb420.jpg", "gray.jpg", "palette.png", "lossy.webp", "rgb16.png"):
        arrays[f"end/{f.name}"] = end(pil_loader(f)).numpy().transpose(1, 2, 0)

# Resizing alone: sizes up and down, both shapes, one cut after another length.
fits = []
source = torch.from_numpy(a.transpose(2, 0, 1).copy())
for turned, size, stretch, shorter in [
    (False, (24, 24), False, 0), (True, (24, 24), False, 0), (False, (64, 64), False, 0), (False, (24, 20), False, 30),
    (False, (20, 32), True, 0), (True, (9, 70), True, 0), (False, (26, 34), True, 0), (False, (7, 7), False, 8), (True, (31, 32), False, 33),
]:
    img = source.transpose(1, 2).contiguous() if turned else source
    if stretch:
        r = v2.functional.resize(img, list(size), antialias=True)
    else:
        r = v2.functional.center_crop(v2.functional.resize(img, [shorter or max(size)], antialias=True), list(size))
    arrays[f"fit/{len(fits)}"] = r.numpy().transpose(1, 2, 0)
    fits.append({"turned": turned, "size": size, "stretch": stretch, "shorter": shorter})
arrays["fit/source"] = a
import PIL  # noqa: E402

golden.save(here / "images.npz", arrays, fits=fits, pillow=PIL.__version__)
