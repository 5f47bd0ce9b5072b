/* cuDNN's convolutions of pictures, by loops in double precision: descriptors, whose sizes must fit each other, and the
 * three ways. Any strides in memory; f32, f64 and bf16. Each call fills its workspace with garbage, as large as it was said
 * to be, and takes none that is smaller than was asked for. */
#include "on_cpu.h"

#include <cudnn.h>
#include <stdlib.h>

#include "numbers.h"

struct cudnnContext {
    CUstream stream;
};

struct cudnnTensorStruct {
    enum numbers type;
    /* (B, C, H, W) */
    int sizes[4], strides[4];
};

struct cudnnFilterStruct {
    /* (OC, C, KH, KW) */
    struct cudnnTensorStruct of;
};

/* Of height, width. */
struct cudnnConvolutionStruct {
    int padding[2], stride[2], dilation[2], groups;
    bool turned;
    enum numbers type;
    cudnnMathType_t math;
};

static cudnnStatus_t bad(const char *what) {
    complain("cuDNN: %s", what);
    return CUDNN_STATUS_BAD_PARAM;
}

/* ---- handles */

size_t cudnnGetVersion(void) { return CUDNN_VERSION; }

const char *cudnnGetErrorString(cudnnStatus_t status) {
    return status == CUDNN_STATUS_SUCCESS ? "CUDNN_STATUS_SUCCESS" : "an error of cuDNN on the CPU";
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *to) {
    if (not_beside_capture("cudnnCreate")) return CUDNN_STATUS_NOT_INITIALIZED;
    *to = calloc(1, sizeof **to);
    return *to ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_ALLOC_FAILED;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
    free(handle);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
    handle->stream = stream;
    return stream_of(stream) ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnGetStream(cudnnHandle_t handle, cudaStream_t *stream) {
    *stream = handle->stream;
    return CUDNN_STATUS_SUCCESS;
}

/* ---- descriptors */

#define CREATE_AND_DESTROY(name)                                                                  \
    cudnnStatus_t cudnnCreate##name##Descriptor(cudnn##name##Descriptor_t *to) {                  \
        *to = calloc(1, sizeof **to);                                                             \
        return *to ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_ALLOC_FAILED;                            \
    }                                                                                             \
    cudnnStatus_t cudnnDestroy##name##Descriptor(cudnn##name##Descriptor_t it) {                  \
        free(it);                                                                                 \
        return CUDNN_STATUS_SUCCESS;                                                              \
    }
CREATE_AND_DESTROY(Tensor)
CREATE_AND_DESTROY(Filter)
CREATE_AND_DESTROY(Convolution)

static enum numbers numbers_of(cudnnDataType_t type) {
    return type == CUDNN_DATA_FLOAT      ? F32
           : type == CUDNN_DATA_DOUBLE   ? F64
           : type == CUDNN_DATA_BFLOAT16 ? BF16
                                         : NO_NUMBERS;
}

cudnnStatus_t cudnnSetTensor4dDescriptorEx(cudnnTensorDescriptor_t it, cudnnDataType_t type, int n, int c, int h, int w,
                                           int n_stride, int c_stride, int h_stride, int w_stride) {
    int sizes[] = {n, c, h, w}, strides[] = {n_stride, c_stride, h_stride, w_stride};
    it->type = numbers_of(type);
    if (it->type == NO_NUMBERS) return bad("a tensor of a type that cudnn.c has not");
    for (int i = 0; i < 4; i++) {
        if (sizes[i] < 1 || strides[i] < 1) return bad("a size or stride of a tensor below 1");
        it->sizes[i] = sizes[i];
        it->strides[i] = strides[i];
    }
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t it, cudnnTensorFormat_t format, cudnnDataType_t type,
                                         int n, int c, int h, int w) {
    if (format == CUDNN_TENSOR_NCHW) return cudnnSetTensor4dDescriptorEx(it, type, n, c, h, w, c * h * w, h * w, w, 1);
    if (format == CUDNN_TENSOR_NHWC) return cudnnSetTensor4dDescriptorEx(it, type, n, c, h, w, h * w * c, 1, w * c, c);
    return bad("a format that is neither NCHW nor NHWC");
}

cudnnStatus_t cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t it, cudnnDataType_t type, int dims, const int *sizes,
                                         const int *strides) {
    if (dims != 4) return bad("a tensor that has not four dimensions");
    return cudnnSetTensor4dDescriptorEx(it, type, sizes[0], sizes[1], sizes[2], sizes[3], strides[0], strides[1],
                                        strides[2], strides[3]);
}

cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t it, cudnnDataType_t type, cudnnTensorFormat_t format,
                                         int k, int c, int h, int w) {
    return cudnnSetTensor4dDescriptor(&it->of, format, type, k, c, h, w);
}

cudnnStatus_t cudnnSetFilterNdDescriptor(cudnnFilterDescriptor_t it, cudnnDataType_t type, cudnnTensorFormat_t format,
                                         int dims, const int *sizes) {
    if (dims != 4) return bad("a filter that has not four dimensions");
    return cudnnSetFilter4dDescriptor(it, type, format, sizes[0], sizes[1], sizes[2], sizes[3]);
}

cudnnStatus_t cudnnSetConvolutionNdDescriptor(cudnnConvolutionDescriptor_t it, int dims, const int *padding,
                                              const int *stride, const int *dilation, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t type) {
    if (dims != 2) return bad("a convolution that has not two dimensions");
    it->type = numbers_of(type);
    it->turned = mode == CUDNN_CONVOLUTION;
    it->groups = 1;
    it->math = CUDNN_DEFAULT_MATH;
    for (int i = 0; i < 2; i++) {
        if (padding[i] < 0 || stride[i] < 1 || dilation[i] < 1) return bad("a padding, stride or dilation too small");
        it->padding[i] = padding[i];
        it->stride[i] = stride[i];
        it->dilation[i] = dilation[i];
    }
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t it, int padding_h, int padding_w,
                                              int stride_h, int stride_w, int dilation_h, int dilation_w,
                                              cudnnConvolutionMode_t mode, cudnnDataType_t type) {
    return cudnnSetConvolutionNdDescriptor(it, 2, (int[]){padding_h, padding_w}, (int[]){stride_h, stride_w},
                                           (int[]){dilation_h, dilation_w}, mode, type);
}

cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t it, cudnnMathType_t math) {
    it->math = math;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t it, int groups) {
    it->groups = groups;
    return groups < 1 ? bad("fewer groups than 1") : CUDNN_STATUS_SUCCESS;
}

/* ---- what a convolution is */

struct convolution {
    struct cudnnTensorStruct x, w, y;
    struct cudnnConvolutionStruct how;
};

static cudnnStatus_t describe(struct convolution *it, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
                              cudnnTensorDescriptor_t y, cudnnConvolutionDescriptor_t how) {
    *it = (struct convolution){*x, w->of, *y, *how};
    if (x->type != w->of.type || x->type != y->type) return bad("a convolution of numbers of different types");
    if (how->type != (x->type == F64 ? F64 : F32)) return bad("a convolution is to be computed in a type it cannot be");
    if (x->sizes[1] != w->of.sizes[1] * how->groups || w->of.sizes[0] % how->groups)
        return bad("channels of pictures, filters and groups do not fit each other");
    if (y->sizes[0] != x->sizes[0] || y->sizes[1] != w->of.sizes[0])
        return bad("pictures or channels of a convolution's result are not those of what it is made from");
    for (int i = 0; i < 2; i++) {
        int window = (w->of.sizes[2 + i] - 1) * how->dilation[i] + 1;
        int room = x->sizes[2 + i] + 2 * how->padding[i] - window;
        if (room < 0 || y->sizes[2 + i] != room / how->stride[i] + 1)
            return bad("height or width of a convolution's result are not those that its input gives");
    }
    return CUDNN_STATUS_SUCCESS;
}

/* Some number that no caller guesses: odd, and another for each convolution. */
static size_t space_of(const struct convolution *it, int algorithm) {
    size_t sum = 0;
    for (int i = 0; i < 4; i++) sum = sum * 31 + (size_t)(it->x.sizes[i] + 7 * it->w.sizes[i] + 13 * it->y.sizes[i]);
    return 1001 + 2 * ((sum + (size_t)algorithm) % 3001);
}

/* ---- the loops, on dense copies: x (B, C, H, W), w (OC, C, KH, KW), y (B, OC, OH, OW) */

static size_t length(const struct cudnnTensorStruct *it) {
    return (size_t)it->sizes[0] * (size_t)it->sizes[1] * (size_t)it->sizes[2] * (size_t)it->sizes[3];
}

/* Where number `i` of a dense copy is in memory. */
static size_t place(const struct cudnnTensorStruct *it, size_t i) {
    size_t at = 0;
    for (int d = 3; d >= 0; d--) {
        at += i % (size_t)it->sizes[d] * (size_t)it->strides[d];
        i /= (size_t)it->sizes[d];
    }
    return at;
}

static bool in_memory(const struct cudnnTensorStruct *it, const void *start, bool written, const char *what) {
    size_t bytes = (place(it, length(it) - 1) + 1) * size_of_number(it->type);
    return is_live(start, bytes, written ? WRITE : READ, what);
}

static double *dense(const struct cudnnTensorStruct *it, const void *start) {
    double *copy = calloc(length(it), sizeof *copy);
    if (!copy) abort();
    for (size_t i = 0; start && i < length(it); i++) copy[i] = load_number(it->type, start, place(it, i));
    return copy;
}

static void store(const struct cudnnTensorStruct *it, void *start, const double *from, double alpha, double beta) {
    for (size_t i = 0; i < length(it); i++) {
        size_t at = place(it, i);
        double before = beta == 0 ? 0 : beta * load_number(it->type, start, at);
        store_number(it->type, start, at, alpha * from[i] + before);
    }
}

enum way { FORWARD, DATA, FILTER };

/* One row of a result and the row of a picture that row `w` of a filter takes for it. */
static void row(const struct convolution *it, enum way way, double *restrict x, double *restrict w,
                double *restrict y) {
    int width = it->x.sizes[3], stride = it->how.stride[1];
    for (int v = 0; v < it->w.sizes[3]; v++) {
        int shift = v * it->how.dilation[1] - it->how.padding[1], first = 0, end = it->y.sizes[3];
        while (first < end && first * stride + shift < 0) first++;
        while (first < end && (end - 1) * stride + shift >= width) end--;
        double *weight = w + (it->how.turned ? it->w.sizes[3] - 1 - v : v), factor = *weight, sum = 0;
        double *from = x + shift;
        if (way == FORWARD)
            for (int j = first; j < end; j++) y[j] += from[j * stride] * factor;
        if (way == DATA)
            for (int j = first; j < end; j++) from[j * stride] += y[j] * factor;
        if (way == FILTER)
            for (int j = first; j < end; j++) sum += y[j] * from[j * stride];
        *weight = factor + sum;
    }
}

static void loops(const struct convolution *it, enum way way, double *x, double *w, double *y) {
    const int *xs = it->x.sizes, *ws = it->w.sizes, *ys = it->y.sizes;
    int filters_of_group = ws[0] / it->how.groups;
    for (int b = 0; b < xs[0]; b++)
        for (int f = 0; f < ws[0]; f++)
            for (int c = 0; c < ws[1]; c++) {
                int channel = f / filters_of_group * ws[1] + c;
                double *picture = x + ((size_t)b * (size_t)xs[1] + (size_t)channel) * (size_t)(xs[2] * xs[3]);
                double *filter = w + ((size_t)f * (size_t)ws[1] + (size_t)c) * (size_t)(ws[2] * ws[3]);
                double *result = y + ((size_t)b * (size_t)ys[1] + (size_t)f) * (size_t)(ys[2] * ys[3]);
                for (int u = 0; u < ws[2]; u++)
                    for (int i = 0; i < ys[2]; i++) {
                        int at = i * it->how.stride[0] + u * it->how.dilation[0] - it->how.padding[0];
                        int from = it->how.turned ? ws[2] - 1 - u : u;
                        if (at < 0 || at >= xs[2]) continue;
                        row(it, way, picture + at * xs[3], filter + from * ws[3], result + i * ys[3]);
                    }
            }
}

/* ---- calls */

struct call {
    struct convolution it;
    enum way way;
    void *x, *w, *y, *space;
    size_t space_size;
    double alpha, beta;
};

static CUresult run(const void *arguments) {
    const struct call *call = arguments;
    const struct convolution *it = &call->it;
    bool live = in_memory(&it->x, call->x, call->way == DATA, "a convolution's pictures") &&
                in_memory(&it->w, call->w, call->way == FILTER, "a convolution's filters") &&
                in_memory(&it->y, call->y, call->way == FORWARD, "a convolution's result") &&
                is_live(call->space, call->space_size, WRITE, "a convolution's workspace");
    if (!live) return CUDA_ERROR_ILLEGAL_ADDRESS;
    memset(call->space, GARBAGE, call->space_size);
    /* What is computed begins with zeros. */
    double *x = dense(&it->x, call->way == DATA ? NULL : call->x);
    double *w = dense(&it->w, call->way == FILTER ? NULL : call->w);
    double *y = dense(&it->y, call->way == FORWARD ? NULL : call->y);
    loops(it, call->way, x, w, y);
    if (call->way == FORWARD) store(&it->y, call->y, y, call->alpha, call->beta);
    if (call->way == DATA) store(&it->x, call->x, x, call->alpha, call->beta);
    if (call->way == FILTER) store(&it->w, call->w, w, call->alpha, call->beta);
    free(x), free(w), free(y);
    return CUDA_SUCCESS;
}

static cudnnStatus_t convolve(cudnnHandle_t handle, struct call *call, int algorithm, const void *alpha,
                              const void *beta) {
    size_t needed = space_of(&call->it, algorithm);
    if (!call->space || call->space_size < needed) {
        complain("cuDNN: a workspace of %zu bytes, where %zu are needed", call->space_size, needed);
        return CUDNN_STATUS_BAD_PARAM;
    }
    call->alpha = load_number(call->it.how.type, alpha, 0);
    call->beta = load_number(call->it.how.type, beta, 0);
    CUresult result = submit(handle->stream, "a convolution of cuDNN", run, call, sizeof *call);
    return result ? CUDNN_STATUS_EXECUTION_FAILED : CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void *alpha, const cudnnTensorDescriptor_t x_is,
                                      const void *x, const cudnnFilterDescriptor_t w_is, const void *w,
                                      const cudnnConvolutionDescriptor_t how, cudnnConvolutionFwdAlgo_t algorithm,
                                      void *space, size_t space_size, const void *beta,
                                      const cudnnTensorDescriptor_t y_is, void *y) {
    struct call call = {.way = FORWARD, .x = (void *)x, .w = (void *)w, .y = y, .space = space, .space_size = space_size};
    cudnnStatus_t status = describe(&call.it, x_is, w_is, y_is, how);
    return status ? status : convolve(handle, &call, (int)algorithm, alpha, beta);
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void *alpha, const cudnnFilterDescriptor_t w_is,
                                           const void *w, const cudnnTensorDescriptor_t dy_is, const void *dy,
                                           const cudnnConvolutionDescriptor_t how,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void *space, size_t space_size,
                                           const void *beta, const cudnnTensorDescriptor_t dx_is, void *dx) {
    struct call call = {.way = DATA, .x = dx, .w = (void *)w, .y = (void *)dy, .space = space, .space_size = space_size};
    cudnnStatus_t status = describe(&call.it, dx_is, w_is, dy_is, how);
    return status ? status : convolve(handle, &call, 100 + (int)algorithm, alpha, beta);
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void *alpha,
                                             const cudnnTensorDescriptor_t x_is, const void *x,
                                             const cudnnTensorDescriptor_t dy_is, const void *dy,
                                             const cudnnConvolutionDescriptor_t how,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void *space, size_t space_size,
                                             const void *beta, const cudnnFilterDescriptor_t dw_is, void *dw) {
    struct call call = {.way = FILTER, .x = (void *)x, .w = dw, .y = (void *)dy, .space = space, .space_size = space_size};
    cudnnStatus_t status = describe(&call.it, x_is, dw_is, dy_is, how);
    return status ? status : convolve(handle, &call, 200 + (int)algorithm, alpha, beta);
}

/* ---- algorithms */

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t handle, const cudnnTensorDescriptor_t x,
                                                      const cudnnFilterDescriptor_t w,
                                                      const cudnnConvolutionDescriptor_t how,
                                                      const cudnnTensorDescriptor_t y,
                                                      cudnnConvolutionFwdAlgo_t algorithm, size_t *bytes) {
    (void)handle;
    struct convolution it;
    cudnnStatus_t status = describe(&it, x, w, y, how);
    *bytes = space_of(&it, (int)algorithm);
    return status;
}

cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t handle, const cudnnFilterDescriptor_t w,
                                                           const cudnnTensorDescriptor_t dy,
                                                           const cudnnConvolutionDescriptor_t how,
                                                           const cudnnTensorDescriptor_t dx,
                                                           cudnnConvolutionBwdDataAlgo_t algorithm, size_t *bytes) {
    (void)handle;
    struct convolution it;
    cudnnStatus_t status = describe(&it, dx, w, dy, how);
    *bytes = space_of(&it, 100 + (int)algorithm);
    return status;
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnnHandle_t handle, const cudnnTensorDescriptor_t x,
                                                             const cudnnTensorDescriptor_t dy,
                                                             const cudnnConvolutionDescriptor_t how,
                                                             const cudnnFilterDescriptor_t dw,
                                                             cudnnConvolutionBwdFilterAlgo_t algorithm, size_t *bytes) {
    (void)handle;
    struct convolution it;
    cudnnStatus_t status = describe(&it, x, dw, dy, how);
    *bytes = space_of(&it, 200 + (int)algorithm);
    return status;
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t handle, const cudnnTensorDescriptor_t x,
                                                     const cudnnFilterDescriptor_t w,
                                                     const cudnnConvolutionDescriptor_t how,
                                                     const cudnnTensorDescriptor_t y, const int room, int *count,
                                                     cudnnConvolutionFwdAlgoPerf_t *found) {
    *count = room > 0;
    if (room < 1) return bad("no room for an algorithm");
    found[0] = (cudnnConvolutionFwdAlgoPerf_t){.algo = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM};
    return cudnnGetConvolutionForwardWorkspaceSize(handle, x, w, how, y, found[0].algo, &found[0].memory);
}
