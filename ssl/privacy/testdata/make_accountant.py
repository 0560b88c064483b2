"""Writes accountant.json: what Google's dp-accounting and Meta's opacus say about
plans of the Poisson-subsampled Gaussian mechanism.

    pip install dp-accounting opacus && python make_accountant.py

rdp holds, per plan, the RDP of some orders: by dp-accounting where they are whole
numbers, by numerical integration (mpmath, 30 digits) where not, since both programs
cut the series of such orders off. epsilon and classic are those of opacus over Go's
orders (ORDERS below) by the conversions of Canonne, Kamath and Steinke 2020 and of
Mironov 2017; epsilon_dp_accounting leaves some orders out that it cannot compute.
"""

import json
import math
import pathlib

import mpmath

import dp_accounting
import opacus
from dp_accounting import rdp as dpa
from opacus.accountants.analysis import rdp as op
from opacus.accountants.utils import get_noise_multiplier

ORDERS = ([1 + i / 10 for i in range(1, 100)] + list(range(11, 64))
          + [72, 80, 96, 128, 192, 256, 384, 512])
SHOWN = [1.1, 1.5, 2, 2.5, 4.7, 8, 10.9, 32, 63, 256]
PLANS = [  # rate, noise, steps, delta
    (256 / 60000, 1.1, 60 * 234, 1e-5),
    (250 / 60000, 1.3, 15 * 240, 1e-5),
    (0.01, 4.0, 10000, 1e-5),
    (256 / 4500, 0.9, 3400, 1e-5),
    (256 / 4500, 2.5, 3400, 1e-5),
    (100 / 500, 1.0, 1000, 1e-4),
    (0.5, 3.0, 50, 1e-6),
    (0.9, 1.2, 5, 1e-3),
    (1.0, 5.0, 100, 1e-5),
    (1e-4, 0.5, 100000, 1e-7),
    (0.001, 0.3, 10, 1e-5),
]


def event(q, sigma, steps):
    gaussian = dp_accounting.GaussianDpEvent(sigma)
    return dp_accounting.SelfComposedDpEvent(dp_accounting.PoissonSampledDpEvent(q, gaussian), steps)


def integral(q, sigma, a):
    mpmath.mp.dps = 30
    q, sigma, a = mpmath.mpf(q), mpmath.mpf(sigma), mpmath.mpf(a)

    def f(z):
        ratio = 1 - q + q * mpmath.exp((2 * z - 1) / (2 * sigma**2))
        return mpmath.npdf(z, 0, sigma) * ratio**a

    ends = [-14 * sigma + (a + 28 * sigma) * i / 60 for i in range(61)]
    return mpmath.log(mpmath.quad(f, ends)) / (a - 1)


def main():
    rows = []
    for q, sigma, steps, delta in PLANS:
        acc = dpa.RdpAccountant(ORDERS, dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE)
        acc.compose(event(q, sigma, steps))
        new, order = acc.get_epsilon_and_optimal_order(delta)
        rdp = dict(zip(ORDERS, acc._rdp))
        exact = [float(rdp[a]) if a == int(a) or q == 1 else float(steps * integral(q, sigma, a)) for a in SHOWN]
        other = op.compute_rdp(q=q, noise_multiplier=sigma, steps=steps, orders=ORDERS)
        new_opacus, _ = op.get_privacy_spent(orders=ORDERS, rdp=other, delta=delta)
        rows.append(dict(
            rate=q, noise=sigma, steps=steps, delta=delta, orders=SHOWN, rdp=exact,
            epsilon=float(new_opacus), epsilon_dp_accounting=float(new),
            classic=float(min(r - math.log(delta) / (a - 1) for a, r in zip(ORDERS, other))),
        ))
    searched = []
    for epsilon, q, steps in [(8, 256 / 4500, 3400), (20, 256 / 4500, 3400), (1, 0.01, 10000), (3, 0.2, 250)]:
        noise = get_noise_multiplier(
            target_epsilon=epsilon, target_delta=1e-5, sample_rate=q, steps=steps,
            accountant="rdp", epsilon_tolerance=1e-5)
        searched.append(dict(epsilon=epsilon, rate=q, steps=steps, delta=1e-5, noise=float(noise)))
    out = dict(versions=dict(dp_accounting="0.6.0", opacus=opacus.__version__), plans=rows, searched=searched)
    path = pathlib.Path(__file__).with_name("accountant.json")
    path.write_text(json.dumps(out, indent=1) + "\n")


main()
