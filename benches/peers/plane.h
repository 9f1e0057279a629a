/* A function of two variables NAME in the format REAL (vector VEC, suffix S): a grid, and descents. */

void N(grid)(const REAL *xs, const REAL *ys, long nx, long ny, REAL *F, REAL *GX, REAL *GY, int stream) {
#pragma omp parallel for schedule(dynamic, 16)
  for (long j = 0; j < ny; j++) {
    const VEC y = (VEC){} + ys[j];
    REAL *f = F + j * nx, *gx = GX + j * nx, *gy = GY + j * nx;
    for (long i = 0; i < nx; i += LANES) {
      VEC x, a, b, c;
      memcpy(&x, xs + i, BYTES);
      N(fg)(x, y, &a, &b, &c);
      if (stream) {
        STREAM(f + i, a);
        STREAM(gx + i, b);
        STREAM(gy + i, c);
      } else {
        memcpy(f + i, &a, BYTES);
        memcpy(gx + i, &b, BYTES);
        memcpy(gy + i, &c, BYTES);
      }
    }
  }
  _mm_sfence();
}

/* Eight vectors of particles stay in registers and the nearest cache through all steps. */
void N(descend)(const REAL *X, REAL *O, long n, int steps, double rate, int adam) {
  enum { NV = 8 };
  const REAL b1 = 0.9, b2 = 0.999, eps = 1e-8, lr = rate;
  double *c1 = malloc(steps * sizeof(double)), *c2 = malloc(steps * sizeof(double));
  corrections(steps, rate, c1, c2);
#pragma omp parallel for schedule(dynamic, 8)
  for (long k = 0; k < n; k += NV * LANES) {
    VEC x[NV], y[NV], f, a, b;
    memcpy(x, X + k, sizeof x);
    memcpy(y, X + n + k, sizeof y);
    if (!adam) {
      for (int t = 0; t < steps; t++)
        for (int j = 0; j < NV; j++) {
          N(fg)(x[j], y[j], &f, &a, &b);
          x[j] -= lr * a;
          y[j] -= lr * b;
        }
    } else {
      VEC mx[NV] = {}, my[NV] = {}, vx[NV] = {}, vy[NV] = {};
      for (int t = 0; t < steps; t++) {
        const REAL l1 = c1[t], l2 = c2[t];
        for (int j = 0; j < NV; j++) {
          N(fg)(x[j], y[j], &f, &a, &b);
          mx[j] = b1 * mx[j] + (1 - b1) * a;
          vx[j] = b2 * vx[j] + (1 - b2) * a * a;
          my[j] = b1 * my[j] + (1 - b1) * b;
          vy[j] = b2 * vy[j] + (1 - b2) * b * b;
          x[j] -= l1 * mx[j] / (JOIN(sqrt, S)(vx[j] * l2) + eps);
          y[j] -= l1 * my[j] / (JOIN(sqrt, S)(vy[j] * l2) + eps);
        }
      }
    }
    memcpy(O + k, x, sizeof x);
    memcpy(O + n + k, y, sizeof y);
  }
  free(c1);
  free(c2);
}
