"""Check whether any attention map could give a question's alignment values.

Attention cannot be recomputed without the model, so the values are the submitter's word. This module checks that some
attention map and some box give them.

With N patches, k of them inside the box, and attention mass m inside the box: AR = m N / k, and the printed AR is AR / N. The
mask is uniform over the box, so KL(mask || attention) >= -ln m, and 0 <= JS <= ln 2. A question has one box, so one k/N must
fit all its layers: max exp(-KL) / AR <= k/N <= min 1 / AR.
"""

from __future__ import annotations

from math import exp, log

from lmms_vg.submission.schema_lines import BundleAlignment

_SLACK = 1e-3  # relative tolerance; the measures have guards of 1e-8 (metrics/alignment.py)
_CLIPPED = 1e-6  # mass that KL may count and AR may not: KL clips attention to 1e-12 per patch
_MOST = 1e6  # upper bound of the number of patches, and therefore of every value


def implausible(alignment: BundleAlignment) -> str | None:
    """Return what is wrong with one question's values; None if nothing is."""
    ar, printed, kl, js = alignment.ar, alignment.printed_ar, alignment.kl, alignment.js
    if not ar or len({len(ar), len(printed), len(kl), len(js)}) > 1:
        return f"{len(ar)} values of AR, {len(printed)} of printed AR, {len(kl)} of KL and {len(js)} of JS"
    excess, placement = alignment.excess, alignment.placement
    if excess is not None and {len(excess.log_ar), len(excess.kl), len(excess.js)} != {len(ar)}:
        return f"{len(ar)} values of AR, but {len(excess.log_ar)}, {len(excess.kl)} and {len(excess.js)} of excess"
    if placement is not None and (len(placement) != len(ar) or not all(0 <= share <= 1 for share in placement)):
        return f"{len(placement)} values of placement; allowed is one per layer, 0 to 1"
    if min(*ar, *printed, *kl, *js) < -_SLACK:
        return "a value below 0"
    if max(*ar, *printed, *kl, *js) > _MOST:
        return f"a value above {_MOST:,.0f}"
    if any(a > _SLACK and p * _MOST < a for a, p in zip(ar, printed, strict=True)):
        return "an AR without a printed AR"
    if max(js) > log(2) * (1 + _SLACK):
        return f"JS {max(js):.4f} is above ln 2"
    shown = [(a, p) for a, p in zip(ar, printed, strict=True) if p > 1 / _MOST**2 and a > 0]
    patches = {a / p for a, p in shown}
    if patches and max(patches) > min(patches) * (1 + _SLACK):
        return f"AR over printed AR is {min(patches):.2f} patches at one layer and {max(patches):.2f} at another"
    if patches and abs(min(patches) - round(min(patches))) > _SLACK * min(patches):
        return f"AR over printed AR is {min(patches):.3f}, not a whole number of patches"
    if patches and max(ar) > min(patches) * (1 + _SLACK):
        return f"AR {max(ar):.2f} is above the number of patches, {min(patches):.0f}"
    least = max(((exp(-k) - _CLIPPED) / a for a, k in zip(ar, kl, strict=True) if a > 0), default=0.0)
    most = min((1 / a for a in ar if a > 0), default=1.0)
    if least > most * (1 + _SLACK):
        return f"the layers' AR and KL need boxes of different sizes: at least {least:.3f} and at most {most:.3f} of the image"
    return None
