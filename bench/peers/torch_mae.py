"""Times a training step of a masked autoencoder (He et al. 2022) with a tiny
vision transformer in PyTorch: draw the masks, forward, mean square error of the
hidden patches, backward, AdamW. The images are there beforehand.

    python bench/peers/torch_mae.py [--patch 2] [--batch 64] [--threads 2] [--keep] [--compile]

The peer of `locimem bench mae`, whose step_ms is the same. What could be done the
slow way is done the quick one: attention is F.scaled_dot_product_attention, patches
are embedded by one product, the encoder sees gathered tokens only, the decoder's
last norm and product see the hidden ones only, and AdamW is the fused one (--adamw
for the others). torch_step.py says what --keep is for.
"""

from common import autocast_option, options, run, start_torch, training_step


def autoencoder(a):
    import torch
    import torch.nn.functional as F
    from torch import nn
    from torch_attention import attend

    class Block(nn.Module):
        def __init__(self, dim, heads):
            super().__init__()
            self.heads = heads
            self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
            self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
            self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

        def forward(self, x):
            x = x + self.proj(attend(self.qkv(self.norm1(x)), self.heads))
            return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))

    class MAE(nn.Module):
        def __init__(self):
            super().__init__()
            dim, self.patch, self.rows = 192, a.patch, a.size // a.patch
            tokens, pixels = self.rows**2, 3 * a.patch**2
            self.visible = int(tokens * (1 - a.mask))
            self.embed = nn.Linear(pixels, dim)
            self.cls = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
            self.positions = nn.Parameter(torch.randn(1, tokens + 1, dim) * 0.02)
            self.blocks = nn.Sequential(*[Block(dim, 3) for _ in range(12)])
            self.norm = nn.LayerNorm(dim, eps=1e-6)
            self.decoder_embed, self.mask = nn.Linear(dim, dim), nn.Parameter(torch.randn(1, 1, dim) * 0.02)
            self.register_buffer("decoder_positions", torch.randn(1, tokens + 1, dim))
            self.decoder = nn.Sequential(*[Block(dim, 3) for _ in range(4)])
            self.decoder_norm, self.pred = nn.LayerNorm(dim, eps=1e-6), nn.Linear(dim, pixels)

        def patches(self, x):
            n, r, p = len(x), self.rows, self.patch
            return x.reshape(n, 3, r, p, r, p).permute(0, 2, 4, 3, 5, 1).reshape(n, r * r, 3 * p * p)

        def forward(self, x, order):
            """order [N,T]: the patches of each image, the visible ones first."""
            n, dim = len(x), self.cls.shape[2]
            kept, hidden = order[:, : self.visible], order[:, self.visible :]
            wide = lambda i, c: i.unsqueeze(2).expand(-1, -1, c)
            patches = self.patches(x)
            tokens = self.embed(patches) + self.positions[:, 1:]
            tokens = torch.gather(tokens, 1, wide(kept, dim))
            tokens = torch.cat([(self.cls + self.positions[:, :1]).expand(n, -1, -1), tokens], 1)
            y = self.decoder_embed(self.norm(self.blocks(tokens)))
            whole = torch.cat([y, self.mask.expand(n, hidden.shape[1], -1)], 1)
            back = torch.cat([torch.zeros(n, 1, dtype=torch.long), 1 + order.argsort(1)], 1)
            y = torch.gather(whole, 1, wide(back, dim)) + self.decoder_positions
            y = torch.gather(self.decoder(y), 1, wide(1 + hidden, dim))
            y = self.pred(self.decoder_norm(y))
            return F.mse_loss(y, torch.gather(patches, 1, wide(hidden, patches.shape[2])))

    return MAE()


def step(a):
    import torch

    imported = start_torch(a)
    model = autoencoder(a)
    images = torch.randn(a.batch, 3, a.size, a.size)
    kind = {} if a.adamw == "loop" else {a.adamw: True}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.05, **kind)

    def inputs():
        return images, torch.rand(a.batch, (a.size // a.patch) ** 2).argsort(1)

    name = f"vit_tiny_patch{a.patch}"
    training_step(a, imported, f"MAE of {name}, {a.adamw} AdamW", model, optimizer, inputs,
                  encoder=name, adamw=a.adamw)  # fmt: skip


def main():
    p = options("step of a masked autoencoder in PyTorch", reps=10)
    p.add_argument("--patch", type=int, default=2, help="height and width of a patch (default 2)")
    p.add_argument("--batch", type=int, default=64, help="images (default 64)")
    p.add_argument("--size", type=int, default=32, help="height and width of the images (default 32)")
    p.add_argument("--mask", type=float, default=0.75, help="share of the patches that are hidden (default 0.75)")
    p.add_argument("--adamw", choices=["fused", "foreach", "loop"], default="fused")
    autocast_option(p)
    run(step, p)


if __name__ == "__main__":
    main()
