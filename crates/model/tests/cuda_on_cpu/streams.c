/* Contexts, streams and events. All work is done when a call returns, so nobody waits: what is checked is that handles
 * live, what a capture forbids, and, in order.c, that somebody would have waited. */
#include "on_cpu.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* ---- contexts: the device has one */

struct CUctx_st {
    int uses;
};

static struct CUctx_st primary;
static __thread CUcontext current;

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
    __atomic_add_fetch(&primary.uses, 1, __ATOMIC_SEQ_CST);
    *context = &primary;
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice device) {
    if (device != 0) return CUDA_ERROR_INVALID_DEVICE;
    __atomic_sub_fetch(&primary.uses, 1, __ATOMIC_SEQ_CST);
    return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext *context) {
    *context = current;
    return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext context) {
    if (context && context != &primary) return CUDA_ERROR_INVALID_CONTEXT;
    current = context;
    return CUDA_SUCCESS;
}

CUresult cuCtxSynchronize(void) {
    CUresult no = not_beside_capture("cuCtxSynchronize");
    if (!no) host_waits_for_all();
    return no ? no : earlier_fault();
}

/* ---- streams */

struct CUstream_st {
    struct stream stream;
    struct CUstream_st *next;
};

static struct CUstream_st *streams;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct stream *stream_of(CUstream handle) {
    static struct stream legacy = {.is_legacy = true};
    static __thread struct stream of_thread;
    if (handle == NULL || handle == CU_STREAM_LEGACY) return &legacy;
    if (handle == CU_STREAM_PER_THREAD) return &of_thread;
    pthread_mutex_lock(&lock);
    struct CUstream_st *it = streams;
    while (it && it != handle) it = it->next;
    pthread_mutex_unlock(&lock);
    return it ? &it->stream : NULL;
}

CUresult cuStreamCreate(CUstream *to, unsigned flags) {
    (void)flags;
    struct CUstream_st *made = calloc(1, sizeof *made);
    if (!made) return CUDA_ERROR_OUT_OF_MEMORY;
    pthread_mutex_lock(&lock);
    made->next = streams;
    streams = made;
    pthread_mutex_unlock(&lock);
    *to = made;
    return CUDA_SUCCESS;
}

CUresult cuStreamCreateWithPriority(CUstream *to, unsigned flags, int priority) {
    (void)priority;
    return cuStreamCreate(to, flags);
}

CUresult cuStreamDestroy(CUstream stream) {
    struct stream *it = stream_of(stream);
    if (!it || stream == NULL || stream == CU_STREAM_LEGACY || stream == CU_STREAM_PER_THREAD) {
        complain("%p is destroyed, which is no stream of the program's own", (void *)stream);
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (it->capture) complain("a stream is destroyed while it is captured");
    pthread_mutex_lock(&lock);
    struct CUstream_st **link = &streams;
    while (*link && *link != stream) link = &(*link)->next;
    if (*link) *link = stream->next;
    pthread_mutex_unlock(&lock);
    free(stream);
    return CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream stream) {
    if (!stream_of(stream)) return CUDA_ERROR_INVALID_HANDLE;
    CUresult no = not_in_capture(stream, "cuStreamSynchronize");
    if (!no) host_waits(last_work(stream_of(stream)));
    return no ? no : earlier_fault();
}

CUresult cuStreamQuery(CUstream stream) {
    if (!stream_of(stream)) return CUDA_ERROR_INVALID_HANDLE;
    CUresult no = not_in_capture(stream, "cuStreamQuery");
    return no ? no : earlier_fault();
}

/* ---- events */

struct CUevent_st {
    bool recorded, timed;
    /* The capture it was recorded in, or 0. */
    uint64_t capture;
    struct mark mark;
    struct timespec time;
};

CUresult cuEventCreate(CUevent *to, unsigned flags) {
    struct CUevent_st *made = calloc(1, sizeof *made);
    if (!made) return CUDA_ERROR_OUT_OF_MEMORY;
    made->timed = !(flags & CU_EVENT_DISABLE_TIMING);
    *to = made;
    return CUDA_SUCCESS;
}

CUresult cuEventDestroy(CUevent event) {
    free(event);
    return CUDA_SUCCESS;
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
    if (!stream_of(stream)) return CUDA_ERROR_INVALID_HANDLE;
    event->recorded = true;
    event->capture = capture_of(stream);
    event->mark = last_work(stream_of(stream));
    clock_gettime(CLOCK_MONOTONIC, &event->time);
    return CUDA_SUCCESS;
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags) {
    (void)flags;
    if (!stream_of(stream)) return CUDA_ERROR_INVALID_HANDLE;
    if (event->recorded && event->capture == capture_of(stream)) stream_waits(stream_of(stream), event->mark);
    if (!event->recorded || event->capture == capture_of(stream)) return CUDA_SUCCESS;
    complain("a stream waits for an event of another capture, or of none: a graph is lost");
    invalidate(stream);
    return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
}

static CUresult outside_of_capture(CUevent event) {
    if (!event->capture) return earlier_fault();
    complain("the host asks for an event that was recorded in a capture");
    return CUDA_ERROR_CAPTURED_EVENT;
}

CUresult cuEventSynchronize(CUevent event) {
    CUresult no = not_beside_capture("cuEventSynchronize");
    if (!no && !event->capture) host_waits(event->mark);
    return no ? no : outside_of_capture(event);
}

CUresult cuEventQuery(CUevent event) { return outside_of_capture(event); }

CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) {
    if (!start->timed || !end->timed || !start->recorded || !end->recorded) return CUDA_ERROR_INVALID_HANDLE;
    double seconds = (double)(end->time.tv_sec - start->time.tv_sec);
    *milliseconds = (float)(seconds * 1e3 + (double)(end->time.tv_nsec - start->time.tv_nsec) / 1e6);
    return CUDA_SUCCESS;
}
