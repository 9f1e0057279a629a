/* A function of DIM variables NAME in the format REAL (vector VEC, suffix S): a list of points, and descents.
   ROSENBROCK says which of the two functions it is. */

#if ROSENBROCK
#define BODY(X, G) \
  VEC F = {}, g = {}; \
  for (int d = 0; d < DIM - 1; d++) { \
    const VEC xd = X(d), b = X(d + 1) - xd * xd, a = 1 - xd; \
    F += 100 * b * b + a * a; \
    G(d, g - 400 * xd * b - 2 * a); \
    g = 200 * b; \
  } \
  G(DIM - 1, g); \
  return F;
#else
#define BODY(X, G) \
  VEC F = {}; \
  for (int d = 0; d < DIM; d++) { \
    const VEC xd = X(d), t = ((REAL)6.283185307179586) * xd; \
    F += xd * xd - 10 * JOIN(cos, S)(t) + 10; \
    G(d, 2 * xd + ((REAL)62.83185307179586) * JOIN(sin, S)(t)); \
  } \
  return F;
#endif

INLINE VEC N(load)(const REAL *p) {
  VEC v;
  memcpy(&v, p, BYTES);
  return v;
}

#define FROM_MEMORY(d) N(load)(X + (long)(d) * n + i)
#define TO_MEMORY(d, value) \
  do { \
    const VEC v_ = (value); \
    if (stream) STREAM(G + (long)(d) * n + i, v_); \
    else memcpy(G + (long)(d) * n + i, &v_, BYTES); \
  } while (0)
INLINE VEC N(at)(const REAL *X, REAL *G, long n, long i, int stream) { BODY(FROM_MEMORY, TO_MEMORY) }

void N(list)(const REAL *X, REAL *F, REAL *G, long n, int stream) {
#pragma omp parallel for schedule(dynamic, 64)
  for (long i = 0; i < n; i += LANES) {
    const VEC f = N(at)(X, G, n, i, stream);
    memcpy(F + i, &f, BYTES);
  }
  _mm_sfence();
}
#undef FROM_MEMORY
#undef TO_MEMORY

#define FROM_STATE(d) x[d]
#define TO_STATE(d, value) g_[d] = (value)
INLINE VEC N(slope)(const VEC *x, VEC *g_) { BODY(FROM_STATE, TO_STATE) }
#undef FROM_STATE
#undef TO_STATE
#undef BODY

void N(descend)(const REAL *X, REAL *O, long n, int steps, double rate, int adam) {
  const REAL b1 = 0.9, b2 = 0.999, eps = 1e-8, lr = rate;
  double *c1 = malloc(steps * sizeof(double)), *c2 = malloc(steps * sizeof(double));
  corrections(steps, rate, c1, c2);
#pragma omp parallel for schedule(dynamic, 16)
  for (long k = 0; k < n; k += LANES) {
    VEC x[DIM], g[DIM], m[DIM], v[DIM];
    for (int d = 0; d < DIM; d++) {
      memcpy(&x[d], X + d * n + k, BYTES);
      m[d] = (VEC){};
      v[d] = (VEC){};
    }
    for (int t = 0; t < steps; t++) {
      const REAL l1 = c1[t], l2 = c2[t];
      N(slope)(x, g);
      if (!adam)
        for (int d = 0; d < DIM; d++) x[d] -= lr * g[d];
      else
        for (int d = 0; d < DIM; d++) {
          m[d] = b1 * m[d] + (1 - b1) * g[d];
          v[d] = b2 * v[d] + (1 - b2) * g[d] * g[d];
          x[d] -= l1 * m[d] / (JOIN(sqrt, S)(v[d] * l2) + eps);
        }
    }
    for (int d = 0; d < DIM; d++) memcpy(O + d * n + k, &x[d], BYTES);
  }
  free(c1);
  free(c2);
}
