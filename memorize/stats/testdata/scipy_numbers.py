"""Numbers of scipy, statsmodels and scikit-learn for the tests of this package.

    pip install scipy statsmodels scikit-learn
    python scipy_numbers.py > scipy.json
"""
import json

import numpy as np
import scipy
import sklearn
import statsmodels
from scipy import stats
from sklearn.metrics import roc_auc_score, roc_curve
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(6)


def sample(n, shift=0.0, digits=None):
    x = rng.normal(size=n) + shift
    return x if digits is None else np.round(x, digits)


def tpr(pos, neg, fpr):
    y = np.r_[np.ones(len(pos)), np.zeros(len(neg))]
    f, t, _ = roc_curve(y, np.r_[pos, neg], drop_intermediate=False)
    return t[f <= fpr + 1e-12].max()


out = {"versions": [scipy.__version__, statsmodels.__version__, sklearn.__version__]}

out["two"] = []
for n, m, shift, digits in [(5, 6, 0.8, None), (40, 25, 0.5, 1), (7, 7, 0.0, 0), (30, 12, 2.0, None)]:
    a, b = sample(n, shift, digits), sample(m, 0, digits)
    w = stats.ttest_ind(a, b, equal_var=False)
    ci = w.confidence_interval(0.9)
    pooled = np.sqrt(((n - 1) * a.var(ddof=1) + (m - 1) * b.var(ddof=1)) / (n + m - 2))
    y = np.r_[np.ones(n), np.zeros(m)]
    above = np.array([np.mean((b < v) + 0.5 * (b == v)) for v in a])  # DeLong's components, literally
    below = np.array([np.mean((a > v) + 0.5 * (a == v)) for v in b])
    case = dict(a=a, b=b, t=w.statistic, df=w.df, p=w.pvalue, lo=ci.low, hi=ci.high,
                d=(a.mean() - b.mean()) / pooled,
                cliff=np.mean(np.sign(a[:, None] - b[None, :])),
                auc=roc_auc_score(y, np.r_[a, b]),
                auc_se=np.sqrt(above.var(ddof=1) / n + below.var(ddof=1) / m),
                tpr=[tpr(a, b, f) for f in (0, 0.05, 0.1, 0.5, 1)])
    if n + m <= 16:
        diff = lambda x, y, axis: np.mean(x, axis=axis) - np.mean(y, axis=axis)
        size = lambda x, y, axis: np.abs(diff(x, y, axis))
        p = lambda f, alt: stats.permutation_test((a, b), f, n_resamples=np.inf, alternative=alt, vectorized=True).pvalue
        case["permutation"] = [p(size, "greater"), p(diff, "greater"), p(diff, "less")]
    out["two"].append(case)

out["one"] = []
for n, shift, digits in [(3, 1, None), (8, 0.5, 1), (12, 0, None)]:
    x = sample(n, shift, digits)
    t = stats.ttest_1samp(x, 0)
    ci = t.confidence_interval(0.95)
    mean = lambda v, axis: np.mean(v, axis=axis)
    size = lambda v, axis: np.abs(np.mean(v, axis=axis))
    p = lambda f, alt: stats.permutation_test((x,), f, permutation_type="samples", n_resamples=np.inf, alternative=alt, vectorized=True).pvalue
    out["one"].append(dict(x=x, p=t.pvalue, lo=ci.low, hi=ci.high,
                           flip=[p(size, "greater"), p(mean, "greater"), p(mean, "less")]))

out["rank"] = []
for n, mix, digits in [(5, 0.5, None), (12, 0.9, None), (33, 0.3, None), (34, 0.3, None), (60, 0.5, 0), (9, -0.8, 0), (200, 0.1, 1)]:
    x = sample(n)
    y = mix * x + (1 - abs(mix)) * sample(n)
    if digits is not None:
        x, y = np.round(x, digits), np.round(y, digits)
    k, s = stats.kendalltau(x, y), stats.spearmanr(x, y)
    out["rank"].append(dict(x=x, y=y, tau=k.statistic, tau_p=k.pvalue, rho=s.statistic, rho_p=s.pvalue))

out["overlap"] = [dict(n=n, k=k, shared=s, p=stats.hypergeom.sf(s - 1, n, k, k))
                  for n, k, s in [(100, 10, 3), (5000, 100, 16), (20, 15, 10), (20, 15, 12), (50, 50, 50)]]

out["binomial"] = []
for k, n, p in [(7, 10, 0.5), (0, 12, 0.5), (12, 12, 0.5), (60, 100, 0.5), (3, 40, 0.2), (2, 300, 0.01)]:
    t = stats.binomtest(k, n, p)
    ci = t.proportion_ci(0.95, "exact")
    out["binomial"].append(dict(k=k, n=n, p0=p, p=t.pvalue, lo=ci.low, hi=ci.high))

p = np.array([0.01, 0.04, 0.03, 0.005, 0.04, 0.9, 0.0, 1.0])
out["multiple"] = dict(p=p, holm=multipletests(p, method="holm")[1], bh=multipletests(p, method="fdr_bh")[1])

print(json.dumps(out, default=lambda v: v.tolist() if hasattr(v, "tolist") else v, separators=(",", ":")))
