"""How is the tour called, and what becomes of its output and its failures?"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

import taylornb as tn

from . import detached, ising, page, partial, picture, speed

NAME = "python -m taylornb"
DESCRIPTION = """\
A tour of taylornb in four stops, each computed while you watch:

  1. detach, written ⊥: what it does to the coefficients of a series
  2. ⊥_φ: detach in some of the variables only
  3. the energy of the 4×4 Ising model as a Taylor series in β
  4. a fused kernel over many points, timed against the same series in NumPy
"""
EPILOG = "The tour takes a few seconds, reads no input and writes no file unless --plot names one."
POINTS = 1_000_000
WELCOME = """
taylornb {version} computes with truncated Taylor series, over whole arrays at once. Everything that follows is
computed now, and the code shown is the code that ran, after `import numpy as np` and `import taylornb as tn`.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the tour; 0 where all went well, 2 where something failed, which standard error then names in a line."""
    _print_what_can_be_printed()
    options = _parser().parse_args(arguments)
    try:
        for text in _pages(options):
            _show(text)
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        return 0
    except Exception as error:
        print(f"{NAME}: error: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)
        return 2
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(NAME, description=DESCRIPTION, epilog=EPILOG, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=_count, default=POINTS, help="how many points stop 4 computes (default: 1000000)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw a series against its function; needs matplotlib")
    parser.add_argument("--version", action="version", version=f"taylornb {tn.__version__}")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"expected a whole number, 1 or more, not {text!r}")
    return int(text)


def _pages(options: Namespace) -> Iterator[str]:
    if options.plot:  # first, since a file that cannot be written is better known at once
        picture.draw(options.plot)
    yield page.prose(WELCOME.format(version=tn.__version__))
    yield detached.text()
    yield partial.text()
    yield ising.text()
    yield speed.text(options.points)
    if options.plot:
        yield picture.text(options.plot)


def _print_what_can_be_printed() -> None:
    """A terminal without ⊥ or β gets a question mark in their place."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _show(text: str) -> None:
    try:
        print(text, end="\n\n", flush=True)
    except OSError:
        with suppress(OSError):  # what is left in the buffer would fail again, and louder, when Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
