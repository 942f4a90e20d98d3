/* blas.h - matrix products by NVIDIA's cuBLAS, opened when a list first wants
 * one. */
#ifndef ADA_BLAS_H
#define ADA_BLAS_H

#include <cuda.h>

#include "ada.h"

struct ada_blas;

/* Can the library be opened? Looked up once; a line says so where it cannot. */
bool ada_blas_at_hand(struct zinc_dev *dev);

/* NULL on failure, err filled. Allocates the library's workspace. */
struct ada_blas *ada_blas_create(struct zinc_dev *dev, struct zinc_err *err);
void ada_blas_destroy(struct ada_blas *b); /* NULL ok */

/* A CUresult: what went wrong in the library counts as a failed launch. */
int ada_blas_enqueue(struct ada_blas *b, CUstream stream, const struct ada_gemm *g);

#endif
