"""Where a program runs: each target takes a program and planes and fills the planes of the outputs."""
