"""Writes jpegs/*.jpg, which common tools do not write, and jpegs/*.png, the same decoded by Pillow.

Needs numpy, scipy and Pillow. Made with Pillow 13.0 (libjpeg-turbo).
"""
import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.fft import dctn

HERE = Path(__file__).parent / "jpegs"

# The natural position of each coefficient in the order of the file.
ZIGZAG = sorted(range(64), key=lambda k: (k // 8 + k % 8, k // 8 if (k // 8 + k % 8) % 2 else k % 8))
DC = bytes([0, 0, 0, 12] + [0] * 12), bytes(range(12))  # 12 codes of 4 bits
AC = bytes([0] * 7 + [162] + [0] * 8), bytes([0x00, 0xF0] + [r << 4 | s for r in range(16) for s in range(1, 11)])


def codes(table):
    """Symbol to (code, length); all codes of a table here have one length."""
    length = next(k for k, n in enumerate(table[0]) if n) + 1
    return {symbol: (k, length) for k, symbol in enumerate(table[1])}


class Bits:
    def __init__(self):
        self.acc, self.n, self.out = 0, 0, bytearray()

    def put(self, value, k):
        self.acc, self.n = self.acc << k | value & (1 << k) - 1, self.n + k
        while self.n >= 8:
            byte = self.acc >> self.n - 8 & 255
            self.out += bytes([255, 0] if byte == 255 else [byte])
            self.n -= 8
        self.acc &= (1 << self.n) - 1

    def number(self, code, value):
        """A Huffman code, then the value in as many bits as it needs."""
        self.put(*code)
        size = int(abs(value)).bit_length()
        self.put(value if value >= 0 else value + (1 << size) - 1, size)


def encode(planes, sampling, adobe=None, ids=None, q=2):
    """Baseline JPEG of planes [h, w] with sampling factors (h, v) and an Adobe marker."""
    (h, w), ids = planes[0].shape, ids or range(1, len(planes) + 1)
    most = max(s[0] for s in sampling), max(s[1] for s in sampling)
    across, down = -(-w // (8 * most[0])), -(-h // (8 * most[1]))
    blocks = []
    for p, (sh, sv) in zip(planes, sampling):
        fx, fy = most[0] // sh, most[1] // sv
        p = np.pad(p.astype(float), ((0, down * 8 * most[1] - h), (0, across * 8 * most[0] - w)), mode="edge")
        p = p.reshape(p.shape[0] // fy, fy, p.shape[1] // fx, fx).mean((1, 3)) - 128
        b = p.reshape(p.shape[0] // 8, 8, p.shape[1] // 8, 8).transpose(0, 2, 1, 3)
        blocks.append(np.rint(dctn(b, axes=(2, 3), norm="ortho") / q).astype(int))
    dc, ac, bits, before = codes(DC), codes(AC), Bits(), [0] * len(planes)

    def block(c, z):
        bits.number(dc[int(abs(z[0] - before[c])).bit_length()], int(z[0]) - before[c])
        before[c], run = int(z[0]), 0
        for v in map(int, z[1:1 + max((k for k in range(1, 64) if z[k]), default=0)]):
            if v == 0:
                run += 1
                continue
            for _ in range(run // 16):
                bits.put(*ac[0xF0])
            bits.number(ac[run % 16 << 4 | abs(v).bit_length()], v)
            run = 0
        if not z[63]:
            bits.put(*ac[0])

    for y in range(down):
        for x in range(across):
            for c, (sh, sv) in enumerate(sampling):
                for j in range(sv):
                    for i in range(sh):
                        block(c, blocks[c][y * sv + j, x * sh + i].reshape(-1)[ZIGZAG])
    bits.put(127, 7)

    def segment(marker, body):
        return bytes([255, marker]) + struct.pack(">H", len(body) + 2) + body

    out = b"\xff\xd8"
    if adobe is not None:
        out += segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([adobe]))
    frame = b"".join(bytes([i, s[0] << 4 | s[1], 0]) for i, s in zip(ids, sampling))
    out += segment(0xDB, bytes([0] + [q] * 64))
    out += segment(0xC0, struct.pack(">BHHB", 8, h, w, len(planes)) + frame)
    out += segment(0xC4, b"\0" + DC[0] + DC[1]) + segment(0xC4, b"\x10" + AC[0] + AC[1])
    out += segment(0xDA, bytes([len(planes)]) + b"".join(bytes([i, 0]) for i in ids) + b"\0\x3f\0")
    return out + bytes(bits.out) + b"\xff\xd9"


def save(image, **options):
    b = io.BytesIO()
    image.save(b, "JPEG", **options)
    return b.getvalue()


def main():
    y, x = np.mgrid[0:37, 0:29]
    rgb = np.stack([(x * 8) % 256, (y * 6) % 256, ((x + y) * 5) % 256], -1).astype(np.uint8)
    rgb[8:20, 8:20] = (220, 30, 40)
    image = Image.fromarray(rgb)
    ycc, k = np.asarray(image.convert("YCbCr")), ((7 * y) % 256).astype(np.uint8)
    light, yuv, ink = list(rgb.transpose(2, 0, 1)), list(ycc.transpose(2, 0, 1)), list(255 - rgb.transpose(2, 0, 1))
    half, wide = [(2, 2), (1, 1), (1, 1)], [(2, 1), (1, 1), (1, 1)]
    files = {
        "ycck-half": encode(yuv + [k], half + [(2, 2)], 2),
        "ycck-half-width": encode(yuv + [k], wide + [(2, 1)], 2),
        "ycck-black-half": encode(yuv + [k], half + [(1, 1)], 2),
        "cmyk-half": encode(ink + [k], half + [(2, 2)], 0),
        "cmyk-no-adobe": encode(ink + [k], [(1, 1)] * 4),
        "cmyk-no-adobe-half": encode(ink + [k], half + [(2, 2)]),
        "rgb-half": encode(light, half, 0),
        "rgb-names-half": encode(light, half, ids=b"RGB"),
        "ycc-named-rgb": encode(yuv, [(1, 1)] * 3, 1, ids=b"RGB"),
        "uneven": encode(yuv, [(2, 2), (1, 1), (1, 2)]),
        "uneven-width": encode(yuv, [(2, 2), (2, 1), (1, 2)]),
        "colour-finer": encode(yuv, [(1, 1), (2, 2), (1, 1)]),
        "quarter-height": encode(yuv, [(1, 4), (1, 1), (1, 1)]),
        "progressive-restart": save(image, progressive=True, subsampling=2, quality=60, restart_marker_blocks=1),
        "progressive-restart-rows": save(image, progressive=True, subsampling=1, quality=90, restart_marker_rows=1),
        "progressive-cmyk-restart": save(image.convert("CMYK"), progressive=True, quality=80, restart_marker_blocks=3),
    }
    HERE.mkdir(exist_ok=True)
    for name, data in files.items():
        (HERE / f"{name}.jpg").write_bytes(data)
        Image.open(io.BytesIO(data)).convert("RGB").save(HERE / f"{name}.png")


main()
