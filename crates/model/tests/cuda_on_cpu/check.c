/* That the stand-in computes what it should and tells what is wrong: each case in a process of its own, since a fault stays.
 * build.sh builds and runs it. */
#define _GNU_SOURCE
#include <cublas_v2.h>
#include <cuda.h>
#include <cudnn.h>
#include <math.h>
#include <nvrtc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STREAM CU_STREAM_PER_THREAD
/* Ends the case where it does not hold. */
#define HOLDS(condition)                                             \
    if (!(condition)) {                                              \
        fprintf(stderr, "line %d: %s\n", __LINE__, #condition);      \
        exit(1);                                                     \
    }

static CUdeviceptr room(size_t bytes) {
    CUdeviceptr memory;
    HOLDS(cuMemAllocAsync(&memory, bytes, STREAM) == CUDA_SUCCESS);
    return memory;
}

static CUdeviceptr floats(size_t count, const float *values) {
    CUdeviceptr memory = room(count * sizeof *values);
    HOLDS(cuMemcpyHtoDAsync(memory, values, count * sizeof *values, STREAM) == CUDA_SUCCESS);
    return memory;
}

static const float *read_back(CUdeviceptr memory, size_t count) {
    float *values = malloc(count * sizeof *values);
    HOLDS(cuMemcpyDtoHAsync(values, memory, count * sizeof *values, STREAM) == CUDA_SUCCESS);
    return values;
}

static const char *const SOURCE =
    "typedef unsigned long long u64;\n"
    "#ifdef __CUDACC__\n"
    "#define KERNEL extern \"C\" __global__ void\n"
    "#define THREAD ((u64)blockIdx.x * blockDim.x + threadIdx.x)\n"
    "#else\n"
    "#define KERNEL static void\n"
    "#define THREAD thread_of_host\n"
    "#endif\n"
    "typedef struct { u64 n; float term; short odd[5]; } Settings;\n"
    "KERNEL add(const float *__restrict__ x, float *__restrict__ y,\n"
    "           Settings it) {\n"
    "    if (THREAD < it.n) y[THREAD] = x[THREAD] + it.term * FACTOR + it.odd[4];\n"
    "}\n"
    "KERNEL count(float *y) { if (THREAD < 1) y[0] += 1.0f; }\n";

struct settings {
    unsigned long long n;
    float term;
    short odd[5];
};

static CUfunction function(const char *name) {
    nvrtcProgram program;
    const char *options[] = {"-DFACTOR=2.0f"};
    HOLDS(nvrtcCreateProgram(&program, SOURCE, NULL, 0, NULL, NULL) == NVRTC_SUCCESS);
    nvrtcResult result = nvrtcCompileProgram(program, 1, options);
    char log[4096];
    size_t size;
    if (result && nvrtcGetProgramLogSize(program, &size) == NVRTC_SUCCESS && size < sizeof log &&
        nvrtcGetProgramLog(program, log) == NVRTC_SUCCESS)
        fprintf(stderr, "%s\n", log);
    HOLDS(result == NVRTC_SUCCESS);
    HOLDS(nvrtcGetPTXSize(program, &size) == NVRTC_SUCCESS);
    char *text = malloc(size);
    HOLDS(nvrtcGetPTX(program, text) == NVRTC_SUCCESS && text[size - 1] == 0);
    CUmodule module;
    CUfunction function;
    HOLDS(cuModuleLoadData(&module, text) == CUDA_SUCCESS);
    HOLDS(cuModuleGetFunction(&function, module, name) == CUDA_SUCCESS);
    return function;
}

static CUresult launch(CUfunction function, unsigned blocks, void **parameters) {
    return cuLaunchKernel(function, blocks, 1, 1, 4, 1, 1, 0, STREAM, parameters, NULL);
}

static CUresult add(CUdeviceptr x, CUdeviceptr y, unsigned long long n) {
    struct settings it = {n, 10, {0, 0, 0, 0, 100}};
    return launch(function("add"), 3, (void *[]){&x, &y, &it});
}

/* ---- cases */

static void a_kernel_runs(void) {
    CUdeviceptr x = floats(9, (float[]){0, 1, 2, 3, 4, 5, 6, 7, 8}), y = room(9 * sizeof(float));
    HOLDS(isnan(read_back(y, 9)[3]));
    HOLDS(add(x, y, 9) == CUDA_SUCCESS);
    for (int i = 0; i < 9; i++) HOLDS(read_back(y, 9)[i] == (float)(120 + i));
    HOLDS(cuMemFreeAsync(x, STREAM) == CUDA_SUCCESS && cuMemFreeAsync(y, STREAM) == CUDA_SUCCESS);
}

static void a_kernel_writes_behind(void) {
    CUdeviceptr x = room(9 * sizeof(float)), y = room(8 * sizeof(float));
    HOLDS(add(x, y, 9) == CUDA_ERROR_ILLEGAL_ADDRESS);
    HOLDS(cuStreamSynchronize(STREAM) == CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void memory_is_freed_too_early(void) {
    CUdeviceptr x = room(64), y = room(64);
    HOLDS(cuMemFreeAsync(x, STREAM) == CUDA_SUCCESS);
    HOLDS(add(x, y, 8) == CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void memory_is_freed_twice(void) {
    CUdeviceptr x = room(64);
    HOLDS(cuMemFreeAsync(x, STREAM) == CUDA_SUCCESS && cuMemFreeAsync(x, STREAM) == CUDA_ERROR_INVALID_VALUE);
}

static void a_kernel_writes_before(void) {
    CUdeviceptr x = room(64), before = x - 4;
    HOLDS(launch(function("count"), 1, (void *[]){&before}) != CUDA_SUCCESS);
}

static void a_copy_is_too_long(void) {
    char bytes[65] = {0};
    HOLDS(cuMemcpyHtoDAsync(room(64), bytes, 65, STREAM) == CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void a_source_has_an_error(void) {
    nvrtcProgram program;
    HOLDS(nvrtcCreateProgram(&program, "KERNEL k(int i) { j = i; }", NULL, 0, NULL, NULL) == NVRTC_SUCCESS);
    HOLDS(nvrtcCompileProgram(program, 0, NULL) == NVRTC_ERROR_COMPILATION);
    char log[4096];
    size_t size;
    HOLDS(nvrtcGetProgramLogSize(program, &size) == NVRTC_SUCCESS && size > 20 && size < sizeof log);
    HOLDS(nvrtcGetProgramLog(program, log) == NVRTC_SUCCESS && strstr(log, "error"));
}

static void a_graph_does_it_again(void) {
    CUfunction count = function("count");
    CUdeviceptr sum = floats(1, (float[]){5}), other = floats(1, (float[]){7}), copy = room(sizeof(float));
    CUdeviceptr argument = sum;
    CUgraph graph;
    CUgraphExec again;
    HOLDS(cuStreamBeginCapture(STREAM, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) == CUDA_SUCCESS);
    HOLDS(launch(count, 1, (void *[]){&argument}) == CUDA_SUCCESS);
    argument = other;
    HOLDS(cuMemcpyDtoDAsync(copy, sum, sizeof(float), STREAM) == CUDA_SUCCESS);
    CUstreamCaptureStatus status;
    HOLDS(cuStreamIsCapturing(STREAM, &status) == CUDA_SUCCESS && status == CU_STREAM_CAPTURE_STATUS_ACTIVE);
    HOLDS(cuStreamEndCapture(STREAM, &graph) == CUDA_SUCCESS);
    HOLDS(read_back(sum, 1)[0] == 5);
    HOLDS(cuGraphInstantiateWithFlags(&again, graph, 0) == CUDA_SUCCESS && cuGraphDestroy(graph) == CUDA_SUCCESS);
    for (int i = 0; i < 3; i++) HOLDS(cuGraphLaunch(again, STREAM) == CUDA_SUCCESS);
    HOLDS(read_back(sum, 1)[0] == 8 && read_back(copy, 1)[0] == 8 && read_back(other, 1)[0] == 7);
    HOLDS(cuMemFreeAsync(sum, STREAM) == CUDA_SUCCESS && cuGraphLaunch(again, STREAM) == CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void a_capture_is_lost(void) {
    CUdeviceptr x = room(64), y;
    char bytes[64] = {0};
    CUevent before;
    HOLDS(cuEventCreate(&before, 0) == CUDA_SUCCESS && cuEventRecord(before, STREAM) == CUDA_SUCCESS);
    for (int i = 0; i < 6; i++) {
        CUgraph graph;
        HOLDS(cuStreamBeginCapture(STREAM, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) == CUDA_SUCCESS);
        CUresult result = i == 0   ? cuMemAllocAsync(&y, 8, STREAM)
                          : i == 1 ? cuMemFreeAsync(x, STREAM)
                          : i == 2 ? cuStreamSynchronize(STREAM)
                          : i == 3 ? cuMemcpyHtoDAsync(x, bytes, 64, STREAM)
                          : i == 4 ? cuMemAlloc(&y, 8)
                                   : cuStreamWaitEvent(STREAM, before, 0);
        HOLDS(result == (i < 5 ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_ERROR_STREAM_CAPTURE_ISOLATION));
        HOLDS(cuMemsetD8Async(x, 0, 64, STREAM) == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
        HOLDS(cuStreamEndCapture(STREAM, &graph) == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED && !graph);
    }
    HOLDS(cuMemsetD8Async(x, 0, 64, STREAM) == CUDA_SUCCESS && read_back(x, 16)[15] == 0);
}

static void *use_on_another_thread(void *memory) {
    return (void *)(size_t)cuMemsetD8Async(*(CUdeviceptr *)memory, 0, 4, STREAM);
}

static CUresult on_another_thread(CUdeviceptr memory) {
    pthread_t thread;
    void *result;
    HOLDS(!pthread_create(&thread, NULL, use_on_another_thread, &memory) && !pthread_join(thread, &result));
    return (CUresult)(size_t)result;
}

static void streams_wait_for_each_other(void) {
    CUstream other;
    CUevent event;
    CUdeviceptr x = room(64);
    HOLDS(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS && cuEventCreate(&event, 0) == CUDA_SUCCESS);
    HOLDS(cuMemsetD8Async(x, 1, 64, STREAM) == CUDA_SUCCESS && cuEventRecord(event, STREAM) == CUDA_SUCCESS);
    HOLDS(cuStreamWaitEvent(other, event, 0) == CUDA_SUCCESS && cuMemsetD8Async(x, 2, 64, other) == CUDA_SUCCESS);
    HOLDS(cuStreamSynchronize(other) == CUDA_SUCCESS && on_another_thread(x) == CUDA_SUCCESS);
}

static void a_stream_does_not_wait(void) {
    HOLDS(on_another_thread(floats(1, (float[]){1})) == CUDA_ERROR_ILLEGAL_ADDRESS);
}

static double product_of(CUdeviceptr a, CUdeviceptr b, size_t count) {
    const float *x = read_back(a, count), *y = read_back(b, count);
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)x[i] * y[i];
    return sum;
}

static CUdeviceptr odd_numbers(size_t count, int salt) {
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++) values[i] = (float)((i * 37 + (size_t)salt) % 19) - 9;
    return floats(count, values);
}

/* Both ways back are adjoint to the way forward, whatever the layout; NCHW and NHWC name the same numbers. */
static void convolutions(void) {
    enum { B = 2, C = 4, H = 7, W = 6, OC = 6, K = 3, OH = 2, OW = 6, X = B * C * H * W, F = OC * C / 2 * K * K };
    enum { Y = B * OC * OH * OW };
    cudnnHandle_t handle;
    HOLDS(cudnnCreate(&handle) == 0 && cudnnSetStream(handle, STREAM) == 0);
    for (int last = 0; last < 2; last++) {
        cudnnTensorFormat_t format = last ? CUDNN_TENSOR_NHWC : CUDNN_TENSOR_NCHW;
        cudnnTensorDescriptor_t x_is, y_is;
        cudnnFilterDescriptor_t w_is;
        cudnnConvolutionDescriptor_t how;
        HOLDS(cudnnCreateTensorDescriptor(&x_is) == 0 && cudnnCreateTensorDescriptor(&y_is) == 0);
        HOLDS(cudnnCreateFilterDescriptor(&w_is) == 0 && cudnnCreateConvolutionDescriptor(&how) == 0);
        HOLDS(cudnnSetTensor4dDescriptor(x_is, format, CUDNN_DATA_FLOAT, B, C, H, W) == 0);
        HOLDS(cudnnSetTensor4dDescriptor(y_is, format, CUDNN_DATA_FLOAT, B, OC, OH, OW) == 0);
        HOLDS(cudnnSetFilter4dDescriptor(w_is, CUDNN_DATA_FLOAT, format, OC, C / 2, K, K) == 0);
        cudnnConvolutionMode_t mode = last ? CUDNN_CROSS_CORRELATION : CUDNN_CONVOLUTION;
        HOLDS(cudnnSetConvolution2dDescriptor(how, 0, 1, 2, 1, 2, 1, mode, CUDNN_DATA_FLOAT) == 0);
        HOLDS(cudnnSetConvolutionGroupCount(how, 2) == 0);
        CUdeviceptr x = odd_numbers(X, 1), w = odd_numbers(F, 2), dy = odd_numbers(Y, 3);
        CUdeviceptr y = room(Y * 4), dx = room(X * 4), dw = room(F * 4), space;
        size_t size[3];
        float one = 1, zero = 0, two = 2;
        HOLDS(cudnnGetConvolutionForwardWorkspaceSize(handle, x_is, w_is, how, y_is, 1, &size[0]) == 0);
        HOLDS(cudnnGetConvolutionBackwardDataWorkspaceSize(handle, w_is, y_is, how, x_is, 1, &size[1]) == 0);
        HOLDS(cudnnGetConvolutionBackwardFilterWorkspaceSize(handle, x_is, y_is, how, w_is, 1, &size[2]) == 0);
        space = room(size[0] + size[1] + size[2]);
#define FORWARD(size, beta)                                                                                         \
    cudnnConvolutionForward(handle, &one, x_is, (void *)x, w_is, (void *)w, how, 1, (void *)space, size, beta, y_is, \
                            (void *)y)
        HOLDS(FORWARD(size[0] - 1, &zero) == CUDNN_STATUS_BAD_PARAM);
        HOLDS(FORWARD(size[0], &zero) == 0);
        HOLDS(cudnnConvolutionBackwardData(handle, &one, w_is, (void *)w, y_is, (void *)dy, how, 1, (void *)space,
                                           size[1], &zero, x_is, (void *)dx) == 0);
        HOLDS(cudnnConvolutionBackwardFilter(handle, &one, x_is, (void *)x, y_is, (void *)dy, how, 1, (void *)space,
                                             size[2], &zero, w_is, (void *)dw) == 0);
        double forward = product_of(y, dy, Y);
        HOLDS(forward != 0 && forward == product_of(x, dx, X) && forward == product_of(w, dw, F));
        if (last) {
            /* One number of the result by hand: channels 2 and 3 of picture 1, filter 5, place (1, 2). */
            const float *xs = read_back(x, X), *ws = read_back(w, F);
            double sum = 0;
            for (int u = 0; u < K; u++)
                for (int v = 0; v < K; v++)
                    for (int c = 0; c < 2; c++)
                        sum += (double)xs[((H + 2 + 2 * u) * W + 2 + v - 1) * C + 2 + c] * ws[((5 * K + u) * K + v) * 2 + c];
            HOLDS(read_back(y, Y)[((OH + 1) * OW + 2) * OC + 5] == (float)sum);
        }
        const float *before = read_back(y, Y);
        HOLDS(FORWARD(size[0], &two) == 0);
        HOLDS(read_back(y, Y)[7] == 3 * before[7]);
    }
}

static void products(void) {
    cublasHandle_t handle;
    float one = 1, zero = 0;
    HOLDS(cublasCreate(&handle) == 0 && cublasSetStream(handle, STREAM) == 0);
    /* By columns: (1 3 5; 2 4 6) by (1 4; 2 5; 3 6). */
    CUdeviceptr a = floats(6, (float[]){1, 2, 3, 4, 5, 6}), c = room(4 * 4);
    const float expected[] = {22, 28, 49, 64};
    for (int turned = 0; turned < 2; turned++) {
        CUdeviceptr b = turned ? floats(6, (float[]){1, 4, 2, 5, 3, 6}) : floats(6, (float[]){1, 2, 3, 4, 5, 6});
        cublasOperation_t operation = turned ? CUBLAS_OP_T : CUBLAS_OP_N;
        HOLDS(cublasSgemm(handle, CUBLAS_OP_N, operation, 2, 2, 3, &one, (void *)a, 2, (void *)b, turned ? 2 : 3, &zero,
                          (void *)c, 2) == 0);
        HOLDS(!memcmp(read_back(c, 4), expected, sizeof expected));
    }
    HOLDS(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 3, &one, (void *)a, 2, (void *)a, 2, &zero, (void *)c, 2) ==
          CUBLAS_STATUS_INVALID_VALUE);
}

static void kernels_of_candle(void) {
    CUmodule module;
    CUfunction add, none;
    HOLDS(cuModuleLoadData(&module, "//\n.version 8.0") == CUDA_SUCCESS);
    HOLDS(cuModuleGetFunction(&add, module, "badd_f32") == CUDA_SUCCESS);
    HOLDS(cuModuleGetFunction(&none, module, "fancy_f32") == CUDA_ERROR_NOT_FOUND);
    /* (2, 3) and (3), the second along all rows. */
    size_t numel = 6, dims = 2, shapes[] = {2, 3, 3, 1, 0, 1};
    CUdeviceptr info = room(sizeof shapes), y = room(6 * 4);
    HOLDS(cuMemcpyHtoDAsync(info, shapes, sizeof shapes, STREAM) == CUDA_SUCCESS);
    CUdeviceptr a = floats(6, (float[]){1, 2, 3, 4, 5, 6}), b = floats(3, (float[]){10, 20, 30});
    HOLDS(launch(add, 2, (void *[]){&numel, &dims, &info, &a, &b, &y}) == CUDA_SUCCESS);
    const float expected[] = {11, 22, 33, 14, 25, 36};
    HOLDS(!memcmp(read_back(y, 6), expected, sizeof expected));
}

static void a_function_is_not_written(void) {
    CUdeviceptr memory;
    HOLDS(cuMemAllocManaged(&memory, 8, CU_MEM_ATTACH_GLOBAL) == CUDA_ERROR_NOT_SUPPORTED);
}

static const struct {
    const char *name;
    void (*run)(void);
    /* What must be told; null where nothing. */
    const char *told;
} cases[] = {
#define CASE(name, told) {#name, name, told}
    CASE(a_kernel_runs, NULL),
    CASE(a_kernel_writes_behind, "add touches"),
    CASE(a_kernel_writes_before, "parameter 0 of count"),
    CASE(memory_is_freed_too_early, "or was freed"),
    CASE(memory_is_freed_twice, "was freed before"),
    CASE(a_copy_is_too_long, "65 bytes at"),
    CASE(a_source_has_an_error, NULL),
    CASE(a_graph_does_it_again, "number 0 of the 2 of a graph"),
    CASE(a_capture_is_lost, "this one is lost"),
    CASE(streams_wait_for_each_other, NULL),
    CASE(a_stream_does_not_wait, "another stream may still be at work"),
    CASE(convolutions, "a workspace of"),
    CASE(products, "are too near"),
    CASE(kernels_of_candle, "fancy_f32 in candle.c"),
    CASE(a_function_is_not_written, "cuMemAllocManaged is not written"),
};

int main(void) {
    int failed = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char told[1 << 16];
        FILE *log = tmpfile();
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            dup2(fileno(log), STDERR_FILENO);
            cases[i].run();
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        rewind(log);
        told[fread(told, 1, sizeof told - 1, log)] = 0;
        fclose(log);
        const char *expected = cases[i].told;
        if (status == 0 && (expected ? strstr(told, expected) != NULL : told[0] == 0)) continue;
        printf("%s failed (status %d), expected to be told %s:\n%s", cases[i].name, status, expected ? expected : "nothing", told);
        failed = 1;
    }
    if (!failed) printf("cuda on cpu: %zu cases hold\n", sizeof cases / sizeof *cases);
    return failed;
}
