// F1, exp(sin(x)) x / (1 + x²), as a C++ template: what a careful programmer would write for nvcc. The compiler unrolls all loops
// over coefficients. ORDER and REAL are macros; EPSILON takes x + ε in place of a full series, ONCE has one element for each
// thread in place of a loop over elements that are a whole grid apart.

template <class Real, int N> struct Series { Real c[N + 1]; };

template <class Real, int N> __device__ __forceinline__ Series<Real, N> sine(const Series<Real, N>& x) {
  Series<Real, N> s, c;
  sincos(x.c[0], &s.c[0], &c.c[0]);
#pragma unroll
  for (int k = 1; k <= N; ++k) {
    Real sum = 0, other = 0;
#pragma unroll
    for (int j = 1; j <= k; ++j) {
      const Real slope = Real(j) * x.c[j];
      sum += slope * c.c[k - j];
      other -= slope * s.c[k - j];
    }
    s.c[k] = sum * (Real(1) / k);
    c.c[k] = other * (Real(1) / k);
  }
  return s;
}

template <class Real, int N> __device__ __forceinline__ Series<Real, N> exponential(const Series<Real, N>& x) {
  Series<Real, N> y;
  y.c[0] = exp(x.c[0]);
#pragma unroll
  for (int k = 1; k <= N; ++k) {
    Real sum = 0;
#pragma unroll
    for (int j = 1; j <= k; ++j) sum += (Real(j) * x.c[j]) * y.c[k - j];
    y.c[k] = sum * (Real(1) / k);
  }
  return y;
}

template <class Real, int N> __device__ __forceinline__ Series<Real, N> product(const Series<Real, N>& a, const Series<Real, N>& b) {
  Series<Real, N> y;
#pragma unroll
  for (int k = 0; k <= N; ++k) {
    Real sum = 0;
#pragma unroll
    for (int j = 0; j <= k; ++j) sum += a.c[j] * b.c[k - j];
    y.c[k] = sum;
  }
  return y;
}

template <class Real, int N> __device__ __forceinline__ Series<Real, N> quotient(const Series<Real, N>& a, const Series<Real, N>& b) {
  Series<Real, N> y;
  const Real inverse = Real(1) / b.c[0];
#pragma unroll
  for (int k = 0; k <= N; ++k) {
    Real rest = a.c[k];
#pragma unroll
    for (int j = 0; j < k; ++j) rest -= y.c[j] * b.c[k - j];
    y.c[k] = rest * inverse;
  }
  return y;
}

typedef unsigned long long Count;

extern "C" __global__ void kernel(Count n, const REAL* __restrict__ x, REAL* __restrict__ y) {
  const Count first = blockIdx.x * (Count)blockDim.x + threadIdx.x;
#ifdef ONCE
  const Count i = first;
  if (i < n) {
#else
  for (Count i = first; i < n; i += gridDim.x * (Count)blockDim.x) {
#endif
    Series<REAL, ORDER> a;
#pragma unroll
    for (int k = 0; k <= ORDER; ++k) {
#ifdef EPSILON
      a.c[k] = k == 0 ? x[i] : REAL(k == 1);
#else
      a.c[k] = x[k * n + i];
#endif
    }
    Series<REAL, ORDER> below = product(a, a);
    below.c[0] += 1;
    const Series<REAL, ORDER> found = quotient(product(exponential(sine(a)), a), below);
#pragma unroll
    for (int k = 0; k <= ORDER; ++k) y[k * n + i] = found.c[k];
  }
}
