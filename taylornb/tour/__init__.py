"""What is there for a newcomer to see? `python -m taylornb` walks through it in four stops."""

from .command import main

__all__ = ["main"]
