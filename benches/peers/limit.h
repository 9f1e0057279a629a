/* The C reference: what it needs for either number format. AVX-512 where there is, else AVX2; glibc's libmvec.
   climit.py writes a file that includes this, and for each format and function the lines of the function and
   `plane.h` or `space.h`, with REAL, VEC, S and NAME defined. */
#include <immintrin.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#ifdef __AVX512F__
#define BYTES 64
#define LIBMVEC(fn) _ZGVeN16v_##fn##f
#define LIBMVEC_D(fn) _ZGVeN8v_##fn
#define STREAM(p, v) _mm512_stream_si512((void *)(p), (__m512i)(v))
#else
#define BYTES 32
#define LIBMVEC(fn) _ZGVdN8v_##fn##f
#define LIBMVEC_D(fn) _ZGVdN4v_##fn
#define STREAM(p, v) _mm256_stream_si256((void *)(p), (__m256i)(v))
#endif

typedef float vec_f __attribute__((vector_size(BYTES)));
typedef double vec_d __attribute__((vector_size(BYTES)));

#define DECLARE(fn) \
  vec_f LIBMVEC(fn)(vec_f) __attribute__((const)); \
  vec_d LIBMVEC_D(fn)(vec_d) __attribute__((const)); \
  static inline vec_f fn##_f(vec_f a) { return LIBMVEC(fn)(a); } \
  static inline vec_d fn##_d(vec_d a) { return LIBMVEC_D(fn)(a); }
DECLARE(sin)
DECLARE(cos)
DECLARE(exp)
DECLARE(log)
DECLARE(tanh)

#ifdef __AVX512F__
static inline vec_f sqrt_f(vec_f a) { return (vec_f)_mm512_sqrt_ps((__m512)a); }
static inline vec_d sqrt_d(vec_d a) { return (vec_d)_mm512_sqrt_pd((__m512d)a); }
#else
static inline vec_f sqrt_f(vec_f a) { return (vec_f)_mm256_sqrt_ps((__m256)a); }
static inline vec_d sqrt_d(vec_d a) { return (vec_d)_mm256_sqrt_pd((__m256d)a); }
#endif

#define INLINE static inline __attribute__((always_inline))
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define JOIN3_(a, b, c) a##_##b##_##c
#define JOIN3(a, b, c) JOIN3_(a, b, c)
/* N(grid) is grid_mix_f: what, function, format. */
#define N(what) JOIN3(what, NAME, S)
#define LANES ((long)(BYTES / sizeof(REAL)))

/* Adam's corrections of the first moment (with the rate) and of the second, for each step. */
INLINE void corrections(int steps, double rate, double *first, double *second) {
  double p1 = 1, p2 = 1;
  for (int t = 0; t < steps; t++) {
    p1 *= 0.9;
    p2 *= 0.999;
    first[t] = rate / (1 - p1);
    second[t] = 1 / (1 - p2);
  }
}
