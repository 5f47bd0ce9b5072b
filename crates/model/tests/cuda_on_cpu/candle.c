/* Candle's kernels (candle-kernels 0.11), by their names: parameters in the order of its sources, the same arithmetic in a
 * plain loop. Sums are in order, where candle's are of halves. A kernel that is not here is told by its name when a program
 * asks for it. */
#include "on_cpu.h"

#include <math.h>
#include <string.h>

typedef struct {
    uint16_t bits;
} bf16;

static float of_bf16(bf16 x) {
    uint32_t bits = (uint32_t)x.bits << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bf16 to_bf16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value != value) return (bf16){0x7fff};
    return (bf16){(uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

/* Each type by its suffix: of what it is in memory, of what is computed with. */
typedef float f32;
typedef double f64;
typedef uint8_t u8;
typedef uint32_t u32;
typedef int64_t i64;
typedef float with_f32, with_bf16;
typedef double with_f64;
typedef uint8_t with_u8;
typedef uint32_t with_u32;
typedef int64_t with_i64;
#define of_f32(x) (x)
#define of_f64(x) (x)
#define of_u8(x) (x)
#define of_u32(x) (x)
#define of_i64(x) (x)
#define to_f32(x) ((float)(x))
#define to_f64(x) ((double)(x))
#define to_u8(x) ((uint8_t)(x))
#define to_u32(x) ((uint32_t)(x))
#define to_i64(x) ((int64_t)(x))
#define SIZE_f32 "4"
#define SIZE_f64 "8"
#define SIZE_bf16 "2"
#define SIZE_u8 "1"
#define SIZE_u32 "4"
#define SIZE_i64 "8"

/* Sizes and strides; null where all is contiguous. */
static size_t place(size_t i, size_t dims, const size_t *sizes, const size_t *strides) {
    if (!sizes) return i;
    size_t at = 0;
    for (size_t d = dims; d-- > 0;) {
        at += i % sizes[d] * strides[d];
        i /= sizes[d];
    }
    return at;
}

#define P(type, i) (*(type *)launch->parameters[i])
#define KERNEL(name) static void name(const struct launch *launch)
#define STRIDED(i, k) place(i, P(size_t, 1), P(const size_t *, 2), P(const size_t *, 2) + (k) * P(size_t, 1))

/* ---- (numel, dims, info, [parameter,] x or null, y) */

#define UNARY(op, T, f)                                                     \
    KERNEL(op##_##T) {                                                      \
        const T *from = P(const T *, 3);                                    \
        T *to = P(T *, 4);                                                  \
        for (size_t i = 0; i < P(size_t, 0); i++) {                         \
            with_##T x = from ? of_##T(from[STRIDED(i, 1)]) : of_##T(to[i]); \
            to[i] = to_##T(f);                                              \
        }                                                                   \
    }
#define UNARY_OPS(T)                                    \
    UNARY(ucopy, T, x)                                  \
    UNARY(uneg, T, -x)                                  \
    UNARY(urecip, T, 1 / x)                             \
    UNARY(uexp, T, exp(x))                              \
    UNARY(ulog, T, log(x))                              \
    UNARY(usin, T, sin(x))                              \
    UNARY(ucos, T, cos(x))                              \
    UNARY(utanh, T, tanh(x))                            \
    UNARY(uerf, T, erf(x))                              \
    UNARY(uceil, T, ceil(x))                            \
    UNARY(ufloor, T, floor(x))                          \
    UNARY(uround, T, round(x))                          \
    UNARY(unormcdf, T, erfc(-x * M_SQRT1_2) / 2)        \
    UNARY(uabs, T, fabs(x))                             \
    UNARY(usqr, T, x * x)                               \
    UNARY(usqrt, T, sqrt(x))                            \
    UNARY(ugelu, T, x * (1 + tanh(M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x))) / 2) \
    UNARY(ugelu_erf, T, x * erfc(-x * M_SQRT1_2) / 2)   \
    UNARY(urelu, T, fmax(x, 0))                         \
    UNARY(usilu, T, x / (1 + exp(-x)))                  \
    UNARY(usigmoid, T, 1 / (1 + exp(-x)))               \
    UNARY(usign, T, (x > 0) - (x < 0))
UNARY_OPS(f32)
UNARY_OPS(f64)
UNARY_OPS(bf16)
UNARY(ucopy, u8, x)
UNARY(ucopy, u32, x)
UNARY(ucopy, i64, x)

#define UNARY_1(op, T, f)                                                   \
    KERNEL(op##_##T) {                                                      \
        with_##T param = of_##T(P(T, 3));                                   \
        const T *from = P(const T *, 4);                                    \
        T *to = P(T *, 5);                                                  \
        for (size_t i = 0; i < P(size_t, 0); i++) {                         \
            with_##T x = from ? of_##T(from[STRIDED(i, 1)]) : of_##T(to[i]); \
            to[i] = to_##T(f);                                              \
        }                                                                   \
    }
#define UNARY_1_OPS(T)                                    \
    UNARY_1(uelu, T, x > 0 ? x : param * (exp(x) - 1))    \
    UNARY_1(upowf, T, pow(x, param))
UNARY_1_OPS(f32)
UNARY_1_OPS(f64)
UNARY_1_OPS(bf16)

/* (numel, dims, info, x or null, y, factor, term) */
#define AFFINE(T)                                                           \
    KERNEL(affine_##T) {                                                    \
        const T *from = P(const T *, 3);                                    \
        T *to = P(T *, 4);                                                  \
        for (size_t i = 0; i < P(size_t, 0); i++) {                         \
            with_##T x = from ? of_##T(from[STRIDED(i, 1)]) : of_##T(to[i]); \
            to[i] = to_##T(x * of_##T(P(T, 5)) + of_##T(P(T, 6)));          \
        }                                                                   \
    }
#define CONST_SET(T)                                            \
    KERNEL(const_set_##T) {                                     \
        for (size_t i = 0; i < P(size_t, 0); i++)               \
            P(T *, 4)[STRIDED(i, 1)] = P(T, 3);                 \
    }
#define FILL(T)                                                 \
    KERNEL(fill_##T) {                                          \
        for (size_t i = 0; i < P(size_t, 2); i++) P(T *, 0)[i] = P(T, 1); \
    }
#define COPY2D(T)                                                                   \
    KERNEL(copy2d_##T) {                                                            \
        for (u32 i = 0; i < P(u32, 2); i++)                                         \
            for (u32 j = 0; j < P(u32, 3); j++)                                     \
                P(T *, 1)[(size_t)i * P(u32, 5) + j] = P(const T *, 0)[(size_t)i * P(u32, 4) + j]; \
    }

/* ---- (numel, dims, info, a, b, y) */

#define BINARY(op, T, U, f)                             \
    KERNEL(op##_##T) {                                  \
        for (size_t i = 0; i < P(size_t, 0); i++) {     \
            with_##T x = of_##T(P(const T *, 3)[STRIDED(i, 1)]); \
            with_##T y = of_##T(P(const T *, 4)[STRIDED(i, 2)]); \
            P(U *, 5)[i] = to_##U(f);                   \
        }                                               \
    }
#define BINARY_OPS(T)                           \
    BINARY(badd, T, T, x + y)                   \
    BINARY(bsub, T, T, x - y)                   \
    BINARY(bmul, T, T, x *y)                    \
    BINARY(bdiv, T, T, x / y)                   \
    BINARY(bmaximum, T, T, x < y ? y : x)       \
    BINARY(bminimum, T, T, x < y ? x : y)       \
    BINARY(eq, T, u8, x == y)                   \
    BINARY(ne, T, u8, x != y)                   \
    BINARY(lt, T, u8, x < y)                    \
    BINARY(le, T, u8, x <= y)                   \
    BINARY(gt, T, u8, x > y)                    \
    BINARY(ge, T, u8, x >= y)

/* ---- (numel, dims, info, ids, a, b, y) */

#define WHERE(I, T)                                                                 \
    KERNEL(where_##I##_##T) {                                                       \
        for (size_t i = 0; i < P(size_t, 0); i++)                                   \
            P(T *, 6)[i] = P(const I *, 3)[STRIDED(i, 1)] ? P(const T *, 4)[STRIDED(i, 2)] \
                                                          : P(const T *, 5)[STRIDED(i, 3)]; \
    }

/* ---- indices; the greatest of a type is "none" */

/* An index of an axis. Candle asserts that it is one; here what is behind the axis is no memory. */
static size_t within(size_t id, size_t size) {
    if (id < size) return id;
    complain("an index of %zu for an axis of %zu", id, size);
    return SIZE_MAX / 64;
}

/* (numel, dims, info, ids, x, y, left, sizes of the axis: of x, of ids, right) */
#define INDEX_SELECT(I, T)                                                              \
    KERNEL(is_##I##_##T) {                                                              \
        size_t size = P(size_t, 7), ids = P(size_t, 8), right = P(size_t, 9);           \
        for (size_t i = 0; i < P(size_t, 0); i++) {                                     \
            I id = P(const I *, 3)[i / right % ids];                                    \
            size_t left = i / (ids * right);                                            \
            size_t from = none_##I(id) ? 0 : (left * size + within((size_t)id, size)) * right + i % right; \
            P(T *, 5)[i] = none_##I(id) ? to_##T(0) : P(const T *, 4)[from];            \
        }                                                                               \
    }
#define none_u8(id) ((id) == 0xff)
#define none_u32(id) ((id) == 0xffffffff)
#define none_i64(id) ((id) == INT64_MAX)
/* (numel, ids, x, y, left, sizes of the axis: of x, of ids, right) */
#define GATHER(I, T)                                                                    \
    KERNEL(gather_##I##_##T) {                                                          \
        size_t size = P(size_t, 5), ids = P(size_t, 6), right = P(size_t, 7);           \
        for (size_t i = 0; i < P(size_t, 0); i++) {                                     \
            I id = P(const I *, 1)[i];                                                  \
            size_t left = i / (right * ids);                                            \
            size_t from = none_##I(id) ? 0 : (left * size + within((size_t)id, size)) * right + i % right; \
            P(T *, 3)[i] = none_##I(id) ? to_##T(0) : P(const T *, 2)[from];            \
        }                                                                               \
    }
/* (ids, count of ids, x, y, left, size of x's axis, of y's, right) */
#define INDEX_ADD(I, T)                                                                 \
    KERNEL(ia_##I##_##T) {                                                              \
        size_t ids = P(size_t, 1), size = P(size_t, 6), right = P(size_t, 7);           \
        for (size_t i = 0; i < P(size_t, 4) * right; i++)                               \
            for (size_t j = 0; j < ids; j++) {                                          \
                I id = P(const I *, 0)[j];                                              \
                if (none_##I(id)) continue;                                             \
                T *to = P(T *, 3) + (i / right * size + within((size_t)id, size)) * right + i % right; \
                *to = to_##T(of_##T(*to) + of_##T(P(const T *, 2)[(i / right * ids + j) * right + i % right])); \
            }                                                                           \
    }
/* (ids, x, y, left, size of x's axis, of y's, right) */
#define SCATTER(op, I, T, old)                                                          \
    KERNEL(op##_##I##_##T) {                                                            \
        size_t from_size = P(size_t, 4), size = P(size_t, 5), right = P(size_t, 6);     \
        for (size_t i = 0; i < P(size_t, 3) * right; i++)                               \
            for (size_t j = 0; j < from_size; j++) {                                    \
                size_t from = (i / right * from_size + j) * right + i % right;          \
                I id = P(const I *, 0)[from];                                           \
                if (none_##I(id)) continue;                                             \
                T *to = P(T *, 2) + (i / right * size + within((size_t)id, size)) * right + i % right; \
                *to = to_##T((old) + of_##T(P(const T *, 1)[from]));                    \
            }                                                                           \
    }

/* ---- reductions: (numel, numbers for each result, dims, info, x, y), a block for each result */

#define REDUCED(i) place(i, P(size_t, 2), P(const size_t *, 3), P(const size_t *, 3) + P(size_t, 2))
#define REDUCTION(name, T, U, count, before, f, result)             \
    KERNEL(name##_##T) {                                            \
        size_t each = P(size_t, 1);                                 \
        for (size_t to = 0; to < (count); to++) {                   \
            before;                                                 \
            for (size_t i = 0; i < each; i++) {                     \
                with_##T x = of_##T(P(const T *, 4)[REDUCED(to * each + i)]); \
                f;                                                  \
            }                                                       \
            P(U *, 5)[to] = result;                                 \
        }                                                           \
    }
#define BEST(name, T, better)                                                           \
    REDUCTION(fast_##name, T, T, launch->blocks, with_##T best = 0, if (i == 0 || x better best) best = x, \
              to_##T(best))                                                             \
    REDUCTION(fast_arg##name, T, u32, launch->blocks, with_##T best = 0; size_t at = 0,  \
              if (i == 0 || x better best) { best = x; at = i; }, (u32)at)
#define REDUCTIONS(T)                                                                                       \
    REDUCTION(fast_sum, T, T, launch->blocks, with_##T sum = 0, sum = (with_##T)(sum + x), to_##T(sum))      \
    REDUCTION(fast_sum_small, T, T, P(size_t, 0), with_##T sum = 0, sum = (with_##T)(sum + x), to_##T(sum))  \
    BEST(max, T, >)                                                                                         \
    BEST(min, T, <)

/* (x, y, columns): a block for each row */
#define SOFTMAX(T)                                                          \
    KERNEL(softmax_##T) {                                                   \
        size_t columns = (size_t)P(int, 2);                                 \
        for (size_t row = 0; row < launch->blocks; row++) {                 \
            const T *from = P(const T *, 0) + row * columns;                \
            double most = -INFINITY, sum = 0;                               \
            for (size_t i = 0; i < columns; i++) most = fmax(most, of_##T(from[i])); \
            for (size_t i = 0; i < columns; i++) sum += exp(of_##T(from[i]) - most); \
            for (size_t i = 0; i < columns; i++)                            \
                P(T *, 1)[row * columns + i] = to_##T(exp(of_##T(from[i]) - most) / sum); \
        }                                                                   \
    }

/* (numel, dims, info, x, y) */
#define CAST(T, U)                                                          \
    KERNEL(cast_##T##_##U) {                                                \
        for (size_t i = 0; i < P(size_t, 0); i++)                           \
            P(U *, 4)[i] = to_##U(of_##T(P(const T *, 3)[STRIDED(i, 1)]));  \
    }

/* ---- all of them */

#define EACH_TYPE(X) X(f32) X(f64) X(bf16) X(u8) X(u32) X(i64)
#define EACH_FLOAT(X) X(f32) X(f64) X(bf16)
#define EACH_OTHER(X, T) X(T, f32) X(T, f64) X(T, bf16) X(T, u8) X(T, u32) X(T, i64)
#define EACH_PAIR(X) \
    EACH_OTHER(X, f32) EACH_OTHER(X, f64) EACH_OTHER(X, bf16) EACH_OTHER(X, u8) EACH_OTHER(X, u32) EACH_OTHER(X, i64)
#define EACH_INDEX(X) EACH_OTHER(X, u8) EACH_OTHER(X, u32) EACH_OTHER(X, i64)
#define SCATTERS(I, T) SCATTER(s, I, T, 0) SCATTER(sa, I, T, of_##T(*to))

EACH_TYPE(AFFINE)
EACH_TYPE(CONST_SET)
EACH_TYPE(FILL)
EACH_TYPE(COPY2D)
EACH_TYPE(BINARY_OPS)
EACH_TYPE(REDUCTIONS)
EACH_FLOAT(SOFTMAX)
EACH_PAIR(CAST)
EACH_INDEX(WHERE)
EACH_INDEX(INDEX_SELECT)
EACH_INDEX(GATHER)
EACH_INDEX(INDEX_ADD)
EACH_INDEX(SCATTERS)

#define ROW(name, kinds) {#name, kinds, name, NULL},
#define UNARY_ROW(name) ROW(name, "88oow")
#define UNARY_ROWS(T)                                                                                               \
    UNARY_ROW(uneg_##T) UNARY_ROW(urecip_##T) UNARY_ROW(uexp_##T) UNARY_ROW(ulog_##T) UNARY_ROW(usin_##T)           \
    UNARY_ROW(ucos_##T) UNARY_ROW(utanh_##T) UNARY_ROW(uerf_##T) UNARY_ROW(uceil_##T) UNARY_ROW(ufloor_##T)         \
    UNARY_ROW(uround_##T) UNARY_ROW(unormcdf_##T) UNARY_ROW(uabs_##T) UNARY_ROW(usqr_##T) UNARY_ROW(usqrt_##T)      \
    UNARY_ROW(ugelu_##T) UNARY_ROW(ugelu_erf_##T) UNARY_ROW(urelu_##T) UNARY_ROW(usilu_##T) UNARY_ROW(usigmoid_##T) \
    UNARY_ROW(usign_##T) ROW(uelu_##T, "88o" SIZE_##T "ow") ROW(upowf_##T, "88o" SIZE_##T "ow")                     \
    ROW(softmax_##T, "rw4")
#define BINARY_ROW(name) ROW(name, "88orrw")
#define REDUCTION_ROW(name) ROW(name, "888rrw")
#define TYPE_ROWS(T)                                                                                    \
    UNARY_ROW(ucopy_##T) ROW(affine_##T, "88oow" SIZE_##T SIZE_##T)                                     \
    ROW(const_set_##T, "88o" SIZE_##T "w") ROW(fill_##T, "w" SIZE_##T "8") ROW(copy2d_##T, "rw4444")    \
    BINARY_ROW(badd_##T) BINARY_ROW(bsub_##T) BINARY_ROW(bmul_##T) BINARY_ROW(bdiv_##T)                 \
    BINARY_ROW(bmaximum_##T) BINARY_ROW(bminimum_##T) BINARY_ROW(eq_##T) BINARY_ROW(ne_##T)             \
    BINARY_ROW(lt_##T) BINARY_ROW(le_##T) BINARY_ROW(gt_##T) BINARY_ROW(ge_##T)                         \
    REDUCTION_ROW(fast_sum_##T) REDUCTION_ROW(fast_sum_small_##T) REDUCTION_ROW(fast_max_##T)           \
    REDUCTION_ROW(fast_min_##T) REDUCTION_ROW(fast_argmax_##T) REDUCTION_ROW(fast_argmin_##T)
#define CAST_ROW(T, U) ROW(cast_##T##_##U, "88orw")
#define INDEX_ROWS(I, T)                                                                            \
    ROW(where_##I##_##T, "88orrrw") ROW(is_##I##_##T, "88orrw8888") ROW(gather_##I##_##T, "8rrw8888") \
    ROW(ia_##I##_##T, "r8rw8888") ROW(s_##I##_##T, "rrw8888") ROW(sa_##I##_##T, "rrw8888")

static const struct kernel kernels[] = {EACH_FLOAT(UNARY_ROWS) EACH_TYPE(TYPE_ROWS) EACH_PAIR(CAST_ROW)
                                            EACH_INDEX(INDEX_ROWS)};

const struct kernel *kernel_of_candle(const char *name) {
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (!strcmp(kernels[i].name, name)) return &kernels[i];
    return NULL;
}
