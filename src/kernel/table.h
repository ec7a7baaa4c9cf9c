/** table: declarations of this object's kernels, so that the table and the bodies agree. */
#ifndef KERNEL_TABLE_H
#define KERNEL_TABLE_H

#include "base/random.h"
#include "kernel/kernel.h"
#include "kernel/kernel_name.h"

void KERNEL(affine_bytes)(const struct REAL(source) * source, const uint32_t *rows, size_t E,
                          size_t m, const real *W, size_t n, real *Z, size_t ldz, real *scratch);
void KERNEL(affine)(const real *const *X, size_t E, size_t m, const real *W, size_t n, real *Z,
                    size_t ldz);
void KERNEL(pullback)(const real *W, size_t m, size_t n, size_t from, size_t to, const real *DT,
                      size_t ldt, size_t E, real *PT, const struct REAL(ahead) * ahead);
void KERNEL(gradient)(const real *const *X, size_t from, const real *D, const struct shard_run *run,
                      size_t m, size_t n, real *const *G, real *carry, real *size,
                      const struct REAL(descent) * descent);
real KERNEL(small)(const struct REAL(small) * small);
real KERNEL(tiny)(const struct REAL(small) * small);
void KERNEL(activate)(enum activation f, real *X, size_t ldx, size_t E, size_t n);
void KERNEL(activate_keep)(enum activation f, real *X, size_t ldx, size_t E, size_t n, real *S);
void KERNEL(derive)(enum activation f, const real *PT, size_t ldt, const real *X, size_t ldx,
                    size_t E, size_t m, real *D, size_t ldd, real *DT);
void KERNEL(derive_kept)(const real *PT, size_t ldt, const real *S, size_t lds, size_t E, size_t m,
                         real *D, size_t ldd, real *DT);
void KERNEL(transpose)(const real *A, size_t lda, size_t rows, size_t columns, real *AT,
                       size_t ldt);
void KERNEL(output)(enum activation f, real *ZT, size_t ldt, size_t E, size_t n);
void KERNEL(loss)(enum loss loss, enum activation f, real *ZT, size_t ldt, size_t E, size_t n,
                  const struct REAL(targets) * targets, real *each);
void KERNEL(weigh)(const real *weight, real *DT, size_t ldt, size_t E, size_t n, real *each);
void KERNEL(penalise)(const struct REAL(penalty) * penalty, real *w, const real *g,
                      const real *mask, real *d, size_t n);
void KERNEL(update)(const struct REAL(update) * update, real *w, const real *g, real *s1, real *s2,
                    size_t n);
void KERNEL(add)(real *sum, const real *a, const real *b, size_t n);
void KERNEL(gather)(real *X, size_t ldx, const struct REAL(source) * source, const uint32_t *rows,
                    size_t first, size_t E, size_t m);
void KERNEL(drop)(const struct REAL(drop) * drop, const uint32_t *index, size_t E, uint32_t unit,
                  size_t n, real *X, real *S, size_t ld);
void KERNEL(noise)(const struct noise *noise, const uint32_t *index, const real *const *row,
                   size_t E, size_t m, real *X, size_t ldx);
void KERNEL(elementary)(char which, const real *x, real *y, size_t n);
double KERNEL(fma_chains)(long rounds, double *sink);

/** What noise() adds to inputs [first, first + n) of an example; z has room for NORMALS_MOST. */
enum { NORMALS_MOST = 256 };
void KERNEL_F64(normals)(const struct noise *noise, uint32_t index, size_t first, size_t n,
                         double *z);

/** base/random.h's words; of the floats' object. */
random_stream KERNEL(stream);

void KERNEL(softmax)(real *ZT, size_t ldt, size_t E, size_t n);

/** The table of this level and precision. */
const struct REAL(kernels) * KERNEL(kernels)(void);

#endif
