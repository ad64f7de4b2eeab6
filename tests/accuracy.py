"""When is a computed coefficient right?

The relative error is at most 1e-12 (float64) or 1e-4 (float32), plus what no algorithm can avoid: the rounding of the
argument and of the coefficients, which the caller passes as ``slack``, and four smallest subnormals.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from mpmath import mp, mpf


class Format(NamedTuple):
    """What the bound needs to know of a floating-point format."""

    rtol: mpf
    unit: mpf  # the unit roundoff
    tiny: mpf  # four smallest subnormals
    largest: mpf


def _format(dtype, rtol):
    info = np.finfo(dtype)
    return Format(mpf(rtol), mpf(float(info.eps)) / 2, 4 * mpf(float(info.smallest_subnormal)), mpf(float(info.max)))


FORMATS = {"float64": _format(np.float64, "1e-12"), "float32": _format(np.float32, "1e-4")}


class Case(NamedTuple):
    """What was computed: words for the message, and the format."""

    op: str
    point: object
    dtype: str
    order: object
    target: str


def seeded_slack(exact, x0, dtype):
    """16·u·(k+1)·(|x·c_(k+1)| + |c_k|) for k >= 1 and nothing for the value; ``exact`` has one coefficient more."""
    u, x = FORMATS[dtype].unit, abs(mpf(x0))
    rest = (16 * u * (k + 1) * (x * abs(exact[k + 1]) + abs(exact[k])) for k in range(1, len(exact) - 1))
    return [mpf(0), *rest][: len(exact) - 1]


def failures(case: Case, got: np.ndarray, exact: Sequence, slack: Sequence, degrees: Sequence[int]) -> list[str]:
    """One line for each coefficient that is wrong; "after" an overflow is after it in the order of the basis."""
    lines, after = [], False
    for g, e, s, degree in zip(got.tolist(), exact, slack, degrees, strict=True):
        if not _right(g, e, s, FORMATS[case.dtype], after):
            lines.append(_line(case, degree, g, e, s))
        after = after or abs(e) > FORMATS[case.dtype].largest
    return lines


def _right(got, exact, slack, form, after):
    allowed = form.rtol * abs(exact) + slack + form.tiny
    if not np.isfinite(got):
        infinite = np.isinf(got) and abs(exact) + allowed > form.largest and (got > 0) == (exact > 0)
        return after or infinite
    return abs(mpf(got) - exact) <= allowed


def _line(case, degree, got, exact, slack):
    form = FORMATS[case.dtype]
    error = abs(mpf(got) - exact) / abs(exact) if exact else abs(mpf(got))
    allowed = form.rtol + (slack + form.tiny) / abs(exact) if exact else slack + form.tiny
    numbers = f"got {got!r}, exact {mp.nstr(exact, 20)}, relative error {mp.nstr(error, 3)}, allowed {mp.nstr(allowed, 3)}"
    return f"{case.op} at {case.point!r} ({case.dtype}, order {case.order}, {case.target}), degree {degree}: {numbers}"


def report(lines: Sequence[str], most: int = 25) -> None:
    """Fail with the first lines, if there are any."""
    assert not lines, "\n".join([f"{len(lines)} wrong", *lines[:most]])
