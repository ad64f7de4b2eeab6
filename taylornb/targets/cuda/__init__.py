"""NVIDIA GPUs: a program as Python text that Numba compiles for them, and what launches it."""
