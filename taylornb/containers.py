"""Arrays in tuples, lists and dicts: what holds them, and they themselves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

Tree = Any  # arrays in tuples, lists and dicts


def flattened(tree: Tree) -> tuple[Tree, list[Any]]:
    """The containers, hashable, None for a leaf alone; and the leaves in order."""
    if not isinstance(tree, tuple | list | dict):
        return None, [tree]
    names = tuple(tree) if isinstance(tree, dict) else ()
    if type(tree) is tuple and not any(isinstance(item, tuple | list | dict) for item in tree):
        return (tuple, (), (None,) * len(tree)), list(tree)
    parts = [flattened(item) for item in (tree.values() if isinstance(tree, dict) else tree)]
    return (type(tree), names, tuple(layout for layout, _ in parts)), [leaf for _, leaves in parts for leaf in leaves]


@lru_cache(maxsize=1024)
def places(layout: Tree) -> tuple[str, ...]:
    """How each leaf is reached from the whole, as Python writes it: `[1]['a']`, and nothing for a leaf alone."""
    if layout is None:
        return ("",)
    _, names, parts = layout
    keys = names or range(len(parts))
    return tuple([f"[{key!r}]{rest}" for key, part in zip(keys, parts, strict=True) for rest in places(part)])


def rebuilt(layout: Tree, leaves: Sequence[Any]) -> Any:
    """The leaves in the containers that `flattened` found."""
    remaining = iter(leaves)

    def build(part: Tree) -> Any:
        if part is None:
            return next(remaining)
        kind, names, parts = part
        items = [build(inner) for inner in parts]
        if names:
            return kind(zip(names, items, strict=True))
        return kind(*items) if hasattr(kind, "_fields") else kind(items)

    return build(layout)
