"""The self-supervised methods in PyTorch, written from their papers' formulas: the
peers of package ssl for torch_learn.py. Every class takes an encoder and the part
`method` of a recipe; loss(views, step) is that of one batch, after(step) what comes
after the optimiser's step. `trained` holds what the optimiser moves."""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn


def head(dims, bn=True, out_bn=False, gelu=False):
    """Linear layers with an activation, and batch norm before it, between them."""
    layers = []
    for i, (a, b) in enumerate(zip(dims, dims[1:]), 1):
        layers.append(nn.Linear(a, b))
        if i < len(dims) - 1:
            layers += [nn.BatchNorm1d(b)] * bn + [nn.GELU() if gelu else nn.ReLU()]
        elif out_bn:
            layers.append(nn.BatchNorm1d(b, affine=False))
    return nn.Sequential(*layers)


class Method:
    views = 2
    teacher = None

    def __init__(self, encoder, m, steps, **how):
        """steps is the number of steps of the whole training."""
        self.encoder, self.m, self.steps = encoder, m, steps
        self.net = nn.Sequential(encoder, head([encoder.out_dim, *m["projector"]], **how))
        self.trained = nn.ModuleList([self.net])

    def add_predictor(self):
        dim = self.m["projector"][-1]
        self.predictor = head([dim, *self.m["predictor"], dim])
        self.trained.append(self.predictor)

    def add_teacher(self, net=None):
        self.student = self.net if net is None else net
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)

    @torch.no_grad()
    def after(self, step):
        if self.teacher is None:
            return
        keep = self.m["ema"]
        if self.m["ema_schedule"] == "cosine":  # Grill et al. 2020, Section 3.2
            keep = 1 - (1 - keep) * (math.cos(math.pi * step / self.steps) + 1) / 2
        for t, s in zip(self.teacher.parameters(), self.student.parameters()):
            t.lerp_(s, 1 - keep)


class SimCLR(Method):
    def __init__(self, encoder, m, steps):
        super().__init__(encoder, m, steps, bn=m["projector_bn"])

    def loss(self, views, step):
        z = F.normalize(self.net(torch.cat(views)))
        n = len(z)
        logits = (z @ z.T / self.m["temperature"]).fill_diagonal_(-math.inf)
        return F.cross_entropy(logits, torch.arange(n).roll(n // 2))


class BYOL(Method):
    def __init__(self, encoder, m, steps):
        super().__init__(encoder, m, steps)
        self.add_predictor()
        self.add_teacher()

    def loss(self, views, step):
        with torch.no_grad():
            targets = [self.teacher(v) for v in views]
        online = [self.predictor(self.net(v)) for v in views]
        # |a - b|^2 of unit vectors is 2 - 2 cos.
        return sum((2 - 2 * F.cosine_similarity(q, t)).mean() for q, t in zip(online, reversed(targets)))


class SimSiam(Method):
    def __init__(self, encoder, m, steps):
        super().__init__(encoder, m, steps, out_bn=True)
        self.add_predictor()

    def loss(self, views, step):
        z = [self.net(v) for v in views]
        p = [self.predictor(v) for v in z]
        return -sum(F.cosine_similarity(a, b.detach()).mean() for a, b in zip(p, reversed(z))) / 2


class PartNorm(nn.BatchNorm2d):
    """Batch norm in training over `parts` pieces of neighbours in the batch, each by
    itself; the running statistics move by the mean of the pieces'."""

    parts = 1

    def forward(self, x):
        if not self.training or self.parts == 1:
            return super().forward(x)
        n, c, h, w = x.shape
        k = self.parts
        # Pieces side by side as channels: batch norm takes them one by one.
        wide = x.reshape(k, n // k, c, h, w).transpose(0, 1).reshape(n // k, k * c, h, w)
        mean, var = self.running_mean.repeat(k), self.running_var.repeat(k)
        y = F.batch_norm(wide, mean, var, self.weight.repeat(k), self.bias.repeat(k), True, self.momentum, self.eps)
        with torch.no_grad():
            self.running_mean.copy_(mean.view(k, c).mean(0))
            self.running_var.copy_(var.view(k, c).mean(0))
        return y.reshape(n // k, k, c, h, w).transpose(0, 1).reshape(n, c, h, w)


class MoCoV2(Method):
    def __init__(self, encoder, m, steps):
        assert not m["projector_bn"], "parts of a batch: batch norm of maps only"
        super().__init__(encoder, m, steps, bn=False)
        for module in self.net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.__class__, module.parts = PartNorm, m["bn_splits"]
        self.add_teacher()
        self.queue = F.normalize(torch.randn(m["queue"], m["projector"][-1]))
        self.at = 0

    def contrast(self, x, key):
        with torch.no_grad():  # He et al. 2020, Section 3.3: keys are normalised in shuffled parts
            order = torch.randperm(len(key))
            k = torch.empty(len(key), self.queue.shape[1])
            k[order] = F.normalize(self.teacher(key[order]))
        q = F.normalize(self.net(x))
        logits = torch.cat([(q * k).sum(1, keepdim=True), q @ self.queue.T], 1) / self.m["temperature"]
        return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long)), k

    def loss(self, views, step):
        a, b = views
        loss, self.keys = self.contrast(a, b)
        if self.m["symmetric"]:
            other, keys = self.contrast(b, a)
            loss, self.keys = (loss + other) / 2, torch.cat([self.keys, keys])
        return loss

    def after(self, step):
        super().after(step)
        places = (self.at + torch.arange(len(self.keys))) % len(self.queue)
        self.queue = self.queue.index_copy(0, places, self.keys)
        self.at = (self.at + len(self.keys)) % len(self.queue)


class MoCoV3(Method):
    def __init__(self, encoder, m, steps):
        super().__init__(encoder, m, steps, out_bn=True)
        self.add_predictor()
        self.add_teacher()

    def loss(self, views, step):
        t = self.m["temperature"]
        with torch.no_grad():
            keys = [F.normalize(self.teacher(v)) for v in views]
        queries = [F.normalize(self.predictor(self.net(v))) for v in views]
        labels = torch.arange(len(views[0]))
        return sum(2 * t * F.cross_entropy(q @ k.T / t, labels) for q, k in zip(queries, reversed(keys)))


def off_diagonal(c):
    return c.square().sum() - c.diagonal().square().sum()


class Barlow(Method):
    def loss(self, views, step):
        a, b = (F.batch_norm(self.net(v), None, None, training=True) for v in views)
        c = a.T @ b / len(a)
        return self.m["loss_scale"] * ((1 - c.diagonal()).square().sum() + self.m["lambda"] * off_diagonal(c))


class VICReg(Method):
    def loss(self, views, step):
        m, z = self.m, [self.net(v) for v in views]
        loss = m["invariance"] * F.mse_loss(*z)
        for v in z:
            covariance = torch.cov(v.T)
            loss = loss + m["variance"] / 2 * F.relu(1 - (covariance.diagonal() + 1e-4).sqrt()).mean()
            loss = loss + m["covariance"] * off_diagonal(covariance) / v.shape[1]
        return loss


class Prototypes(nn.Module):
    """Cosines with the prototypes: a weight norm whose scale stays 1."""

    def __init__(self, dim, count):
        super().__init__()
        self.weight = nn.Linear(dim, count, bias=False).weight

    def forward(self, z):
        return F.normalize(z) @ F.normalize(self.weight).T


class DINO(Method):
    """Two views, no small crops."""

    def __init__(self, encoder, m, steps):
        super().__init__(encoder, m, steps, bn=m["projector_bn"], gelu=True)
        self.prototypes = Prototypes(m["projector"][-1], m["prototypes"])
        self.trained.append(self.prototypes)
        self.add_teacher(nn.Sequential(self.net, self.prototypes))
        self.centre = torch.zeros(m["prototypes"])

    def loss(self, views, step):
        m, x = self.m, torch.cat(views)
        with torch.no_grad():
            t = self.teacher(x)
            self.mean = t.mean(0)
            target = ((t - self.centre) / m["teacher_temperature"]).softmax(1).roll(len(views[0]), 0)
        self.prototypes.weight.requires_grad_(step >= self.frozen)
        return F.cross_entropy(self.student(x) / m["temperature"], target)

    def after(self, step):
        super().after(step)
        self.centre = torch.lerp(self.mean, self.centre, self.m["centre_momentum"])


METHODS = {"simclr": SimCLR, "byol": BYOL, "simsiam": SimSiam, "mocov2": MoCoV2, "mocov3": MoCoV3,
           "barlow": Barlow, "vicreg": VICReg, "dino": DINO}  # fmt: skip
