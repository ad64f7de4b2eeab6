"""Machine code from programs by way of LLVM's own language, on vectors of elements."""
