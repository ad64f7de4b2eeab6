"""How are sine, cosine and tangent of huge arguments computed to full accuracy?

M. Payne and R. Hanek, Radian reduction for trigonometric functions (SIGNUM Newsletter 18, 1983): x = m·2^e with a whole m,
and of 2/π only the bits count that make x·2/π modulo 4. 256 of them leave more than 140 right bits wherever x is, where
C libraries know the distance to a multiple of π/2 to some 90 bits and lose up to all digits next to one.
"""

from __future__ import annotations

from .text import Module, Vector

LEAST = 2.0**25  # arguments up to here are near no multiple of π/2 that a C library does not know well enough
ZEROS = 64  # bits before the point in the table below, so that no argument from LEAST on starts before it
# The first 1280 bits of 2/π after the point.
TWO_OVER_PI = (
    "A2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561B7246E3A424DD2E0"
    "06492EEA09D1921CFE1DEB1CB129A73EE88235F52EBB4484E99C7026B45F7E413991D639835339F4"
    "9C845F8BBDF9283B1FF897FFDE05980FEF2F118B5A0A6D1F6D367ECF27CB09B74F463F669E5FEA2D"
    "7527BAC7EBE5F17B3D0739F78A5292EA6BFB5FB11F8D5D0856033046FC7B6BABF0CFBC209AF4361D"
)
TABLE = bytes(ZEROS // 8) + bytes.fromhex(TWO_OVER_PI)


def mended(v: Vector, name: str, x: str, y: str) -> str:
    """y, which is sin, cos or tan of x in float64, with the lanes of huge arguments computed to full accuracy."""
    functions(v.code.module)
    (patched,) = v.patch(v.compare("ogt", v.intrinsic("fabs", x), v.constant(LEAST)), {f"tn.{name}": y}, x)
    return patched


def functions(module: Module) -> None:
    """Define `tn.sin`, `tn.cos` and `tn.tan`, from a double to a double, for |x| from LEAST on; NaN for infinities."""
    if module.has("tn.sin"):
        return
    for name in ("sin", "cos"):
        module.declare(name, "double", "double")
    for name, count in (("fma", 3), ("fabs", 1), ("copysign", 2)):
        module.declare(f"llvm.{name}.f64", "double", *["double"] * count)
    module.declare("llvm.ctlz.i256", "i256", "i256", "i1")
    module.declare("llvm.bswap.i256", "i256", "i256")
    escaped = "".join(f"\\{byte:02X}" for byte in TABLE)
    module.define("tn.two_over_pi", f'@tn.two_over_pi = internal constant [{len(TABLE)} x i8] c"{escaped}"\n')
    module.define("tn.sincos", SINCOS)
    for name, even, odd in (("sin", "%s", "%c"), ("cos", "%c", "%minus.s"), ("tan", "%t", "%minus.u")):
        module.define(f"tn.{name}", TURNED.format(name=name, even=even, odd=odd, **WAYS[name]))


# Whether half a turn changes the sign, and whether that of x does.
WAYS = {
    "sin": {"period": "-1", "sign": "%sign"},
    "cos": {"period": "-1", "sign": "1.0"},
    "tan": {"period": "0", "sign": "%sign"},
}
# The quadrant, and the sine and the cosine of the rest, of |x|.
SINCOS = """define internal { i64, double, double } @tn.sincos(double %x) noinline cold nounwind {
  %bits = bitcast double %x to i64
  %shifted = lshr i64 %bits, 52
  %exponent = and i64 %shifted, 2047
  %from = sub i64 %exponent, 1013
  %inside = icmp sgt i64 %from, 0
  %start = select i1 %inside, i64 %from, i64 0
  %byte = lshr i64 %start, 3
  %place = getelementptr i8, ptr @tn.two_over_pi, i64 %byte
  %loaded = load i256, ptr %place, align 1
  %ordered = call i256 @llvm.bswap.i256(i256 %loaded)
  %bit = and i64 %start, 7
  %bit.wide = zext i64 %bit to i256
  %window = shl i256 %ordered, %bit.wide
  %fraction = and i64 %bits, 4503599627370495
  %m = or i64 %fraction, 4503599627370496
  %m.wide = zext i64 %m to i256
  %turns = mul i256 %window, %m.wide
  %top = lshr i256 %turns, 254
  %quarter = trunc i256 %top to i64
  %rest = shl i256 %turns, 2
  %behind = icmp slt i256 %rest, 0
  %one = zext i1 %behind to i64
  %quadrant = add i64 %quarter, %one
  %opposite = sub i256 0, %rest
  %distance = select i1 %behind, i256 %opposite, i256 %rest
  %zeros.wide = call i256 @llvm.ctlz.i256(i256 %distance, i1 false)
  %digits = shl i256 %distance, %zeros.wide
  %first.wide = lshr i256 %digits, 203
  %first = trunc i256 %first.wide to i64
  %second.wide = lshr i256 %digits, 150
  %second.long = trunc i256 %second.wide to i64
  %second = and i64 %second.long, 9007199254740991
  %zeros = trunc i256 %zeros.wide to i64
  %first.exponent = sub i64 970, %zeros
  %first.bits = shl i64 %first.exponent, 52
  %first.scale = bitcast i64 %first.bits to double
  %second.exponent = sub i64 917, %zeros
  %second.bits = shl i64 %second.exponent, 52
  %second.scale = bitcast i64 %second.bits to double
  %first.whole = uitofp i64 %first to double
  %second.whole = uitofp i64 %second to double
  %high.size = fmul double %first.whole, %first.scale
  %low.size = fmul double %second.whole, %second.scale
  %high.minus = fneg double %high.size
  %low.minus = fneg double %low.size
  %high = select i1 %behind, double %high.minus, double %high.size
  %low = select i1 %behind, double %low.minus, double %low.size
  %r = fmul double %high, 0x3FF921FB54442D18
  %r.minus = fneg double %r
  %lost = call double @llvm.fma.f64(double %high, double 0x3FF921FB54442D18, double %r.minus)
  %more = call double @llvm.fma.f64(double %high, double 0x3C91A62633145C07, double %lost)
  %tail = call double @llvm.fma.f64(double %low, double 0x3FF921FB54442D18, double %more)
  %s0 = call double @sin(double %r)
  %c0 = call double @cos(double %r)
  %s = call double @llvm.fma.f64(double %tail, double %c0, double %s0)
  %tail.minus = fneg double %tail
  %c = call double @llvm.fma.f64(double %tail.minus, double %s0, double %c0)
  %with.q = insertvalue { i64, double, double } poison, i64 %quadrant, 0
  %with.s = insertvalue { i64, double, double } %with.q, double %s, 1
  %all = insertvalue { i64, double, double } %with.s, double %c, 2
  ret { i64, double, double } %all
}
"""
TURNED = """define internal double @tn.{name}(double %x) noinline cold nounwind {{
  %magnitude = call double @llvm.fabs.f64(double %x)
  %found = call {{ i64, double, double }} @tn.sincos(double %magnitude)
  %quadrant = extractvalue {{ i64, double, double }} %found, 0
  %s = extractvalue {{ i64, double, double }} %found, 1
  %c = extractvalue {{ i64, double, double }} %found, 2
  %minus.s = fneg double %s
  %t = fdiv double %s, %c
  %u = fdiv double %c, %s
  %minus.u = fneg double %u
  %odd.bit = and i64 %quadrant, 1
  %odd = icmp ne i64 %odd.bit, 0
  %turned = select i1 %odd, double {odd}, double {even}
  %half.bit = and i64 %quadrant, 2
  %half.kept = and i64 %half.bit, {period}
  %half = icmp ne i64 %half.kept, 0
  %opposite = fneg double %turned
  %positive = select i1 %half, double %opposite, double %turned
  %sign = call double @llvm.copysign.f64(double 1.0, double %x)
  %signed = fmul double %positive, {sign}
  %nothing = fsub double %x, %x
  %infinite = fcmp une double %nothing, 0.0
  %result = select i1 %infinite, double %nothing, double %signed
  ret double %result
}}
"""
