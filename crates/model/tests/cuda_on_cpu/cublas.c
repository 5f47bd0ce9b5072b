/* cuBLAS: products of matrices, column after column, in double precision, of f32, f64 and bf16. */
#include "on_cpu.h"

#include <cublas_v2.h>
#include <stdlib.h>

#include "numbers.h"

struct cublasContext {
    CUstream stream;
    /* The caller's, for all work; or null. */
    void *space;
    size_t space_size;
};

cublasStatus_t cublasCreate(cublasHandle_t *to) {
    if (not_beside_capture("cublasCreate")) return CUBLAS_STATUS_NOT_INITIALIZED;
    *to = calloc(1, sizeof **to);
    return *to ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_ALLOC_FAILED;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
    free(handle);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
    handle->stream = stream;
    handle->space = NULL;
    handle->space_size = 0;
    return stream_of(stream) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasGetStream(cublasHandle_t handle, cudaStream_t *stream) {
    *stream = handle->stream;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *space, size_t bytes) {
    if ((size_t)space % 256) {
        complain("cuBLAS' workspace does not begin at a multiple of 256 bytes");
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    handle->space = space;
    handle->space_size = bytes;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
    (void)handle, (void)mode;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetAtomicsMode(cublasHandle_t handle, cublasAtomicsMode_t mode) {
    (void)handle, (void)mode;
    return CUBLAS_STATUS_SUCCESS;
}

struct matrix {
    void *start;
    enum numbers type;
    bool turned;
    /* Numbers from one column in memory to the next, and from one matrix to the next. */
    long long leading, stride;
};

/* c = alpha a b + beta c, `count` times; a is (m, k), b (k, n), c (m, n). */
struct product {
    size_t m, n, k, count;
    struct matrix a, b, c;
    double alpha, beta;
    void *space;
    size_t space_size;
};

/* Whether all numbers of the matrices lie in memory. */
static bool in_memory(const struct matrix *it, size_t rows, size_t columns, size_t count, enum access access,
                      const char *what) {
    size_t down = it->turned ? columns : rows, along = it->turned ? rows : columns;
    if (down == 0 || along == 0 || count == 0) return true;
    size_t last = (along - 1) * (size_t)it->leading + down;
    if (it->stride < 0) return false;
    return is_live(it->start, (last + (count - 1) * (size_t)it->stride) * size_of_number(it->type), access, what);
}

static double number(const struct matrix *it, size_t matrix, size_t row, size_t column) {
    size_t at = it->turned ? row * (size_t)it->leading + column : column * (size_t)it->leading + row;
    return load_number(it->type, it->start, matrix * (size_t)it->stride + at);
}

static void multiply(const struct product *it, size_t matrix) {
    double *a = malloc((it->m * it->k + it->m + 1) * sizeof *a), *sums = a + it->m * it->k;
    if (!a) abort();
    for (size_t l = 0; l < it->k; l++)
        for (size_t i = 0; i < it->m; i++) a[l * it->m + i] = number(&it->a, matrix, i, l);
    for (size_t j = 0; j < it->n; j++) {
        for (size_t i = 0; i < it->m; i++) sums[i] = 0;
        for (size_t l = 0; l < it->k; l++) {
            double b = number(&it->b, matrix, l, j);
            const double *column = a + l * it->m;
            for (size_t i = 0; i < it->m; i++) sums[i] += column[i] * b;
        }
        for (size_t i = 0; i < it->m; i++) {
            size_t at = matrix * (size_t)it->c.stride + j * (size_t)it->c.leading + i;
            double before = it->beta == 0 ? 0 : it->beta * load_number(it->c.type, it->c.start, at);
            store_number(it->c.type, it->c.start, at, it->alpha * sums[i] + before);
        }
    }
    free(a);
}

static CUresult run(const void *arguments) {
    const struct product *it = arguments;
    bool live = in_memory(&it->a, it->m, it->k, it->count, READ, "a product's A") &&
                in_memory(&it->b, it->k, it->n, it->count, READ, "a product's B") &&
                in_memory(&it->c, it->m, it->n, it->count, WRITE, "a product's C");
    if (!live || (it->space && !is_live(it->space, it->space_size, WRITE, "cuBLAS' workspace")))
        return CUDA_ERROR_ILLEGAL_ADDRESS;
    if (it->space) memset(it->space, GARBAGE, it->space_size < 4096 ? it->space_size : 4096);
    for (size_t i = 0; i < it->count; i++) multiply(it, i);
    return CUDA_SUCCESS;
}

static enum numbers numbers_of(cudaDataType type) {
    return type == CUDA_R_32F ? F32 : type == CUDA_R_64F ? F64 : type == CUDA_R_16BF ? BF16 : NO_NUMBERS;
}

static cublasStatus_t submit_product(cublasHandle_t handle, const struct product *it) {
    long long rows[] = {it->a.turned ? (long long)it->k : (long long)it->m,
                        it->b.turned ? (long long)it->n : (long long)it->k, (long long)it->m};
    if (it->a.leading < rows[0] || it->b.leading < rows[1] || it->c.leading < rows[2]) {
        complain("a product of (%zu, %zu) by (%zu, %zu): columns of %lld, %lld, %lld numbers are too near", it->m, it->k,
                 it->k, it->n, it->a.leading, it->b.leading, it->c.leading);
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (it->a.type == NO_NUMBERS || it->b.type != it->a.type || it->c.type == NO_NUMBERS) {
        complain("a product of types that cublas.c has not");
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    CUresult result = submit(handle->stream, "a product of cuBLAS", run, it, sizeof *it);
    return result ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}

/* Factors are of the type of computing. */
static bool factors(struct product *it, cublasComputeType_t type, const void *alpha, const void *beta) {
    bool single = type == CUBLAS_COMPUTE_32F || type == CUBLAS_COMPUTE_32F_PEDANTIC ||
                  type == CUBLAS_COMPUTE_32F_FAST_TF32 || type == CUBLAS_COMPUTE_32F_FAST_16BF;
    bool both = single || type == CUBLAS_COMPUTE_64F || type == CUBLAS_COMPUTE_64F_PEDANTIC;
    if (!both) return false;
    it->alpha = load_number(single ? F32 : F64, alpha, 0);
    it->beta = load_number(single ? F32 : F64, beta, 0);
    return true;
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t turn_a, cublasOperation_t turn_b,
                                          int m, int n, int k, const void *alpha, const void *a, cudaDataType a_type,
                                          int a_leading, long long a_stride, const void *b, cudaDataType b_type,
                                          int b_leading, long long b_stride, const void *beta, void *c,
                                          cudaDataType c_type, int c_leading, long long c_stride, int count,
                                          cublasComputeType_t compute, cublasGemmAlgo_t algorithm) {
    (void)algorithm;
    if (m < 0 || n < 0 || k < 0 || count < 0) return CUBLAS_STATUS_INVALID_VALUE;
    struct product it = {
        .m = (size_t)m,
        .n = (size_t)n,
        .k = (size_t)k,
        .count = (size_t)count,
        .a = {(void *)a, numbers_of(a_type), turn_a != CUBLAS_OP_N, a_leading, a_stride},
        .b = {(void *)b, numbers_of(b_type), turn_b != CUBLAS_OP_N, b_leading, b_stride},
        .c = {c, numbers_of(c_type), false, c_leading, c_stride},
    };
    it.space = handle->space;
    it.space_size = handle->space_size;
    if (!factors(&it, compute, alpha, beta)) {
        complain("a product computed in type %d", compute);
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    return submit_product(handle, &it);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t turn_a, cublasOperation_t turn_b, int m, int n,
                            int k, const void *alpha, const void *a, cudaDataType a_type, int a_leading, const void *b,
                            cudaDataType b_type, int b_leading, const void *beta, void *c, cudaDataType c_type,
                            int c_leading, cublasComputeType_t compute, cublasGemmAlgo_t algorithm) {
    return cublasGemmStridedBatchedEx(handle, turn_a, turn_b, m, n, k, alpha, a, a_type, a_leading, 0, b, b_type,
                                      b_leading, 0, beta, c, c_type, c_leading, 0, 1, compute, algorithm);
}

#define GEMM(name, T, type, compute)                                                                                     \
    cublasStatus_t cublas##name##gemmStridedBatched(                                                                     \
        cublasHandle_t handle, cublasOperation_t turn_a, cublasOperation_t turn_b, int m, int n, int k, const T *alpha,   \
        const T *a, int a_leading, long long a_stride, const T *b, int b_leading, long long b_stride, const T *beta,     \
        T *c, int c_leading, long long c_stride, int count) {                                                            \
        return cublasGemmStridedBatchedEx(handle, turn_a, turn_b, m, n, k, alpha, a, type, a_leading, a_stride, b, type, \
                                          b_leading, b_stride, beta, c, type, c_leading, c_stride, count, compute,       \
                                          CUBLAS_GEMM_DEFAULT);                                                          \
    }                                                                                                                    \
    cublasStatus_t cublas##name##gemm_v2(cublasHandle_t handle, cublasOperation_t turn_a, cublasOperation_t turn_b,      \
                                         int m, int n, int k, const T *alpha, const T *a, int a_leading, const T *b,     \
                                         int b_leading, const T *beta, T *c, int c_leading) {                            \
        return cublasGemmEx(handle, turn_a, turn_b, m, n, k, alpha, a, type, a_leading, b, type, b_leading, beta, c,     \
                            type, c_leading, compute, CUBLAS_GEMM_DEFAULT);                                              \
    }
GEMM(S, float, CUDA_R_32F, CUBLAS_COMPUTE_32F)
GEMM(D, double, CUDA_R_64F, CUBLAS_COMPUTE_64F)
