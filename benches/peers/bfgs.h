// A multi-start BFGS in plain C, one start at a time on each thread: what a careful user writes, not a limit. The line
// search is for the weak Wolfe conditions by bisection, with the approximate condition of Hager and Zhang (2005) where f
// drowns in rounding. REAL, NAME, S, DIM and EPSILON are set by the includer; `fg_NAME_S(x, g)` is f and its gradient.
#define GLUE2(a, b, c) a##_##b##_##c
#define GLUE(a, b, c) GLUE2(a, b, c)

static void GLUE(bfgs, NAME, S)(REAL *x, int most, REAL tolerance) {
  REAL H[DIM][DIM], g[DIM], p[DIM], xn[DIM], gn[DIM], s[DIM], y[DIM], Hy[DIM];
  REAL f = GLUE(fg, NAME, S)(x, g);
  int fresh = 1, stalls = 0;
  for (int k = 0; k < most; k++) {
    REAL largest = 0, square = 0, slope = 0;
    for (int i = 0; i < DIM; i++) largest = fmax(largest, fabs(g[i])), square += g[i] * g[i];
    if (!(largest >= tolerance)) return;
    if (fresh)
      for (int i = 0; i < DIM; i++)
        for (int j = 0; j < DIM; j++) H[i][j] = i == j;
    for (int i = 0; i < DIM; i++) {
      REAL q = 0;
      for (int j = 0; j < DIM; j++) q -= H[i][j] * g[j];
      p[i] = q, slope += q * g[i];
    }
    if (!(slope < 0)) {
      if (fresh) return;
      fresh = 1;
      continue;
    }
    REAL low = 0, high = -1, t = fresh ? fmin(1, 1 / sqrt(square)) : 1, fn = f;
    int found = 0;
    for (int trial = 0; trial < 40 && !found; trial++) {
      REAL next = 0;
      for (int i = 0; i < DIM; i++) xn[i] = x[i] + t * p[i];
      fn = GLUE(fg, NAME, S)(xn, gn);
      for (int i = 0; i < DIM; i++) next += gn[i] * p[i];
      int flat = fn <= f + 32 * EPSILON * (1 + fabs(f)) && next <= (REAL)-0.9998 * slope;
      if (!(fn <= f + (REAL)1e-4 * t * slope) && !flat) high = t;
      else if (next < (REAL)0.9 * slope) low = t;
      else found = 1;
      if (!found) t = high < 0 ? 2 * low : (low + high) / 2;
    }
    if (!found && !(fn < f)) {
      if (fresh) return;
      fresh = 1;
      continue;
    }
    REAL sy = 0, yHy = 0, yy = 0, far = 0;
    for (int i = 0; i < DIM; i++) {
      s[i] = xn[i] - x[i], y[i] = gn[i] - g[i];
      sy += s[i] * y[i], yy += y[i] * y[i], far = fmax(far, fabs(xn[i]));
    }
    if (fresh && sy > 0)
      for (int i = 0; i < DIM; i++) H[i][i] = sy / yy;
    fresh = 0;
    if (sy > 0) {
      for (int i = 0; i < DIM; i++) {
        REAL q = 0;
        for (int j = 0; j < DIM; j++) q += H[i][j] * y[j];
        Hy[i] = q, yHy += q * y[i];
      }
      REAL c = (1 + yHy / sy) / sy, r = 1 / sy;
      for (int i = 0; i < DIM; i++)
        for (int j = 0; j < DIM; j++) H[i][j] += c * s[i] * s[j] - r * (Hy[i] * s[j] + s[i] * Hy[j]);
    }
    stalls = fn < f ? 0 : stalls + 1;
    if (stalls > 3) return;
    for (int i = 0; i < DIM; i++) x[i] = xn[i], g[i] = gn[i];
    f = fn;
    if (!(far < 1e6)) return;
  }
}

void GLUE(minimise, NAME, S)(const REAL *starts, REAL *ends, long count, int most, double tolerance) {
#pragma omp parallel for schedule(dynamic, 32)
  for (long k = 0; k < count; k++) {
    REAL x[DIM];
    for (int i = 0; i < DIM; i++) x[i] = starts[k * DIM + i];
    GLUE(bfgs, NAME, S)(x, most, tolerance);
    for (int i = 0; i < DIM; i++) ends[k * DIM + i] = x[i];
  }
}
#undef GLUE
#undef GLUE2
