"""What does taylornb have in place of the attributes that a user of PyTorch reaches for?"""

from __future__ import annotations

FORWARD = "taylornb has no reverse sweep; derivatives are carried forward, and every result has its own"
WRITES = "writes in place are written as in NumPy"
CONSTANT = (
    "This series is a constant: ⊥ (detach) dropped everything above its value, or nothing was ever there, so that its "
    "derivatives are exactly zero"
)
# For each name why there is nothing, and what to do.
DERIVATIVES: dict[str, tuple[str, str]] = {
    "backward": (FORWARD, "y.gradient(), y.hessian() or y.derivative(…)"),
    "grad": (FORWARD, "of y = f(x), what would be x.grad is y.gradient() or y.derivative(1)"),
    "grad_fn": (FORWARD, "y.support tells which coefficients can be non-zero"),
    "requires_grad": (FORWARD, "u.is_constant tells whether there are none"),
    "requires_grad_": (FORWARD, "tn.variable(u.detach(), order=…) starts a new variable from a copy of the values"),
    "is_leaf": (FORWARD, "variables are made by tn.variable and tn.variables"),
    "retain_grad": (FORWARD, "y.gradient() of any of them"),
    "register_hook": (FORWARD, "tn.weird makes functions whose derivatives are chosen, such as reversed or clipped ones"),
}
MEMORY: dict[str, tuple[str, str]] = {
    "data": (
        "there is no back door to the values",
        "u.value, a read-only view; u.detach() shares them and can be written to",
    ),
    "clone": ("copies have NumPy's name", "u.copy()"),
    "numpy": ("the values are a NumPy array already", "u.value, or u.coeffs for all coefficients"),
    "item": ("a number would have lost its derivatives", "u.value.item()"),
    "zero_": (WRITES, "u[...] = 0"),
    "fill_": (WRITES, "u[...] = v"),
    "copy_": (WRITES, "u[...] = v"),
    "add_": (WRITES, "u += v"),
    "sub_": (WRITES, "u -= v"),
    "mul_": (WRITES, "u *= v"),
    "div_": (WRITES, "u /= v"),
    "pow_": (WRITES, "u **= v"),
}


def missing(name: str, is_constant: bool) -> str:
    """What to say of an attribute that a series does not have.

    Args:
        name: Its name.
        is_constant: Whether the series has no derivatives.
    """
    found = DERIVATIVES.get(name) or MEMORY.get(name)
    if found is None:
        return f"'TaylorArray' object has no attribute {name!r}"
    reason, remedy = found
    text = f"'TaylorArray' object has no attribute {name!r}, which is PyTorch's: {reason}. Instead: {remedy}"
    return f"{text}. {CONSTANT}" if is_constant and name in DERIVATIVES else text
