"""Makes positions.npz for nn/resizepositions_test.go: the matrices by which PyTorch
interpolates grids of positions bicubically, in float64.

    python nn/testdata/make_positions.py

Each array is named after its grids, rows x columns from and to. A row is a cell of the
grid that is made: what it takes of each cell of the other, found on its unit vectors.
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "../../internal/testutil")]
from golden import save  # noqa: E402

GRIDS = [((8, 8), (4, 4)), ((7, 7), (3, 3)), ((4, 4), (4, 4)), ((5, 8), (3, 2)), ((3, 2), (4, 5)), ((14, 14), (6, 6)), ((1, 2), (2, 1))]


def matrix(of, to):
    n = of[0] * of[1]
    units = torch.eye(n, dtype=torch.float64).reshape(n, 1, *of)
    return F.interpolate(units, size=to, mode="bicubic", align_corners=False).reshape(n, -1).T.numpy()


if __name__ == "__main__":
    torch.set_num_threads(1)
    arrays = {f"{of[0]}x{of[1]} to {to[0]}x{to[1]}": matrix(of, to) for of, to in GRIDS}
    save(HERE / "positions.npz", arrays, grids=GRIDS)
