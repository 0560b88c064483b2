"""Makes f.npz, g.npz and authors.json next to this file: python3 authors.py. Needs numpy.

The files hold activations of two encoders, [points, 1 + 5, tokens, units]: of each image itself
and of 5 views. authors.json holds what the program that was released with the paper prints for
them, computed as that program does (layer_mem.py of sprintml/LocalizingMemorizationInSSL at
7986c7c): flatten, scale to unit length, l2 norm of the difference between the image and each
view, mean over the views; then g minus f, divided by the range over the scored images.
"""
import json
import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
CANDIDATES, INDEPENDENTS, VIEWS, TOKENS, UNITS = 14, 10, 5, 5, 8


def activations(seed, spread, length):
    """Activations whose views lie around those of the image; images differ in length."""
    r = np.random.default_rng(seed)
    points = CANDIDATES + INDEPENDENTS
    image = r.normal(size=(points, 1, TOKENS, UNITS))
    views = image + spread * r.normal(size=(points, VIEWS, TOKENS, UNITS))
    scale = np.exp(length * r.normal(size=(points, 1 + VIEWS, 1, 1)))
    return (scale * np.concatenate([image, views], axis=1)).astype(np.float32)


def normalize(x):  # torch.nn.functional.normalize(x, dim=-1)
    return x / max(np.linalg.norm(x), 1e-12)


def alignment(image, views):
    return np.mean([np.linalg.norm(normalize(image.reshape(-1)) - normalize(v.reshape(-1))) for v in views])


def printed(f, g):
    """The scores of single images, and their mean, which is what the program prints."""
    prob_f = np.array([alignment(x[0], x[1:]) for x in f.astype(np.float64)])
    prob_g = np.array([alignment(x[0], x[1:]) for x in g.astype(np.float64)])
    diff = prob_g - prob_f
    diff = diff / (max(diff) - min(diff))
    return {"points": diff.tolist(), "mean": float(np.mean(diff))}


f, g = activations(1, 0.5, 0.3), activations(2, 0.6, 0.3)
sets = {"candidate": np.arange(CANDIDATES), "independent": np.arange(CANDIDATES, CANDIDATES + INDEPENDENTS)}
np.savez(os.path.join(HERE, "f.npz"), encoder=f, **sets)
np.savez(os.path.join(HERE, "g.npz"), encoder=g, **sets)
with open(os.path.join(HERE, "authors.json"), "w") as out:
    json.dump({name: printed(f[rows], g[rows]) for name, rows in sets.items()}, out, indent=1)
    out.write("\n")
