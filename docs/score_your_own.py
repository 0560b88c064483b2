"""Activations and views of any PyTorch model for `locimem score`: see
score-your-own.md beside this file.

    python docs/score_your_own.py OUT    # an example: two small ResNet-9

needs torch and numpy, the example safetensors too.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch


def save_activations(path, model, layers, views, batch=25, **arrays):
    """Writes the outputs of the named modules for views [points, views, C, H, W]
    into an .npz: [points, views, H, W, units], or [points, views, tokens, units].
    A module that runs several times in a forward pass, as torchvision's ReLUs do,
    gives the layers name, name.call2 and so on.
    arrays are the sets (lists of points: candidate=..., shared=...) and labels."""
    n, v = views.shape[:2]
    out, calls = {}, {}  # layers in the order in which they run

    def hook(name):
        def keep(module, inputs, y):
            calls[name] = calls.get(name, 0) + 1
            layer = name if calls[name] == 1 else f"{name}.call{calls[name]}"
            y = y.movedim(1, -1) if y.dim() == 4 else y  # NCHW to NHWC
            y = y.reshape(-1, v, *y.shape[1:]).float().cpu()
            out.setdefault(layer, []).append(y.numpy().copy())  # a ReLU behind may work in place

        return keep

    modules = dict(model.named_modules())
    handles = [modules[name].register_forward_hook(hook(name)) for name in layers]
    with torch.inference_mode():
        model.eval()  # batch norm must not see what else is in the batch
        for first in range(0, n, batch):
            calls.clear()
            model(views[first : first + batch].flatten(0, 1))
    for h in handles:
        h.remove()
    for layer in [*layers, *out]:
        if sum(len(y) for y in out.get(layer, [])) != n:
            raise ValueError(f"layer {layer}: found outputs of other than {n} points, expected one forward pass of each")
    np.savez(path, **{k: np.concatenate(y) for k, y in out.items()}, **{k: np.asarray(a) for k, a in arrays.items()})


def save_views(path, views, **arrays):
    """Writes the views themselves, for `locimem score --views`."""
    np.savez(path, views=views.movedim(2, -1).numpy(), **{k: np.asarray(a) for k, a in arrays.items()})


def example(out):
    """Two ResNet-9 with random weights and random views; expected.json has the
    scores by the formulas, in float64."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench" / "peers"))
    from resnet9 import ResNet9
    from safetensors.torch import save_file

    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    points, v, size = 20, 4, 16
    base = torch.randn(points, 1, 3, size, size)
    views = base + torch.rand(points, 1, 1, 1, 1) * torch.randn(points, v, 3, size, size)
    sets = {
        "candidate": [0, 3, 5, 7, 9, 11],
        "shared": [1, 2, 4, 6],
        "independent": [8, 10, 12, 13, 14],
        "external": [15, 16, 17, 18],
    }  # 19 is in none
    arrays = {**sets, "labels": [i % 3 for i in range(points)], "points": [100 + i for i in range(points)]}
    save_views(out / "views.npz", views, **arrays)
    ssl = {}
    for name in "fg":
        model = ResNet9(width=0.25)
        for m in model.modules():  # statistics that are not the ones of a new network
            if isinstance(m, torch.nn.BatchNorm2d):
                m.running_mean.normal_(0, 0.1)
                m.running_var.uniform_(0.5, 2)
        layers = [n for n, m in model.named_modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.BatchNorm2d))]
        save_activations(out / f"{name}.npz", model, layers, views, batch=7, **arrays)
        save_file(model.state_dict(), out / f"{name}.safetensors")
        acts = np.load(out / f"{name}.npz")
        i, j = np.triu_indices(v, 1)
        for layer in layers:
            x = acts[layer].astype(np.float64).reshape(points, v, -1)
            x /= np.linalg.norm(x, axis=2, keepdims=True)  # unit-l2, the default distance
            ssl[name, layer] = np.sqrt(((x[:, i] - x[:, j]) ** 2).sum(2)).mean(1)
    expected = {}
    for layer in layers:
        f, g = ssl["f", layer], ssl["g", layer]
        score = (g - f) / (g + f)  # Eq. 2
        expected[layer] = {s: score[rows].mean() for s, rows in sets.items()}
        expected[layer]["controlled"] = (expected[layer]["candidate"] - expected[layer]["independent"]) / 2
    (out / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    example(Path(sys.argv[1]))
