/* Device memory: each piece lies between two pages that nobody may touch, its last byte (up to 15 of rest) right before the
 * second, so that what reads or writes behind it is caught in the act (work.c). */
#define _GNU_SOURCE
#include "on_cpu.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
/* What lies around a piece in its own pages. */
#define FENCE 0xa5
/* What cuMemGetInfo says there is. */
#define TOTAL ((size_t)16 << 30)

struct piece {
    unsigned char *start;
    size_t bytes;
    /* Who did so last. */
    struct mark written, used;
};

/* All that lives, in the order of addresses. */
static struct piece *pieces;
static size_t piece_count, piece_room, used;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void complain(const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "cuda on cpu: %s\n", text);
}

/* The number of pieces that begin at or before an address. */
static size_t count_until(const unsigned char *at) {
    size_t low = 0, high = piece_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (pieces[middle].start <= at) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* The piece that an address is in or right behind. */
static struct piece *piece_of(const unsigned char *at) {
    size_t count = count_until(at);
    if (count == 0) return NULL;
    struct piece *piece = &pieces[count - 1];
    return at <= piece->start + piece->bytes ? piece : NULL;
}

/* Whether a stream may use a piece: all that wrote it is done, and, where it writes, all that read it. */
static bool in_turn(struct piece *piece, struct stream *stream, enum access access) {
    if (!is_done_for(stream, access == WRITE ? piece->used : piece->written)) return false;
    piece->used = last_work(stream);
    if (access == WRITE) piece->written = piece->used;
    return true;
}

bool is_live(const void *at, size_t bytes, enum access access, const char *what) {
    pthread_mutex_lock(&lock);
    struct piece *piece = piece_of(at);
    size_t room = piece ? (size_t)(piece->start + piece->bytes - (const unsigned char *)at) : 0;
    bool live = piece && room >= bytes, early = live && !in_turn(piece, working_stream(), access);
    pthread_mutex_unlock(&lock);
    if (early) complain("%s: another stream may still be at work on the memory at %p", what, at);
    else if (!live && piece) complain("%s: %zu bytes at %p, where %zu are left of a piece of memory", what, bytes, at, room);
    else if (!live) complain("%s: %p is no device memory, or was freed", what, at);
    return live && !early;
}

void tell_of(const void *at) {
    if (pthread_mutex_trylock(&lock)) return;
    size_t count = count_until(at);
    if (count > 0) {
        const struct piece *piece = &pieces[count - 1];
        long behind = (const unsigned char *)at - (piece->start + piece->bytes);
        complain("the piece before %p has %zu bytes and ends %ld bytes before that", at, piece->bytes, behind);
    }
    pthread_mutex_unlock(&lock);
}

static size_t pages(size_t bytes) { return (bytes + 15 + PAGE) / PAGE * PAGE; }

static size_t rounded(size_t bytes) { return (bytes + 15) / 16 * 16; }

static CUresult allocate(CUdeviceptr *to, size_t bytes, struct stream *stream) {
    CUresult fault = earlier_fault();
    if (fault) return fault;
    if (bytes > TOTAL) return CUDA_ERROR_OUT_OF_MEMORY;
    size_t room = pages(bytes);
    unsigned char *all = mmap(NULL, room + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
    unsigned char *end = all + PAGE + room, *start = end - rounded(bytes);
    if (mprotect(all + PAGE, room, PROT_READ | PROT_WRITE)) {
        munmap(all, room + 2 * PAGE);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    memset(all + PAGE, FENCE, (size_t)(start - (all + PAGE)));
    memset(start, UNWRITTEN, bytes);
    memset(start + bytes, FENCE, (size_t)(end - start) - bytes);
    pthread_mutex_lock(&lock);
    if (piece_count == piece_room) {
        piece_room = piece_room ? 2 * piece_room : 1024;
        pieces = realloc(pieces, piece_room * sizeof *pieces);
        if (!pieces) abort();
    }
    size_t place = count_until(start);
    memmove(pieces + place + 1, pieces + place, (piece_count - place) * sizeof *pieces);
    struct mark made = stream ? begin_work(stream) : (struct mark){0};
    pieces[place] = (struct piece){start, bytes, made, made};
    piece_count++;
    used += bytes;
    pthread_mutex_unlock(&lock);
    *to = (CUdeviceptr)start;
    return CUDA_SUCCESS;
}

static bool is_fence(const unsigned char *at, const unsigned char *end) {
    for (; at < end; at++)
        if (*at != FENCE) return false;
    return true;
}

static CUresult release(CUdeviceptr memory, struct stream *stream) {
    if (!memory) return CUDA_SUCCESS;
    unsigned char *start = (unsigned char *)memory;
    pthread_mutex_lock(&lock);
    size_t count = count_until(start);
    bool found = count > 0 && pieces[count - 1].start == start;
    size_t bytes = found ? pieces[count - 1].bytes : 0;
    bool early = found && stream && !in_turn(&pieces[count - 1], stream, WRITE);
    if (found) {
        memmove(pieces + count - 1, pieces + count, (piece_count - count) * sizeof *pieces);
        piece_count--;
        used -= bytes;
    }
    pthread_mutex_unlock(&lock);
    if (!found) {
        complain("%p is freed, which is not the start of device memory, or was freed before", (void *)start);
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (early) complain("memory of %zu bytes is freed, at which another stream may still be at work", bytes);
    unsigned char *end = start + rounded(bytes), *first = end - pages(bytes);
    bool whole = is_fence(first, start) && is_fence(start + bytes, end);
    munmap(first - PAGE, pages(bytes) + 2 * PAGE);
    if (early) return CUDA_ERROR_ILLEGAL_STATE;
    if (whole) return CUDA_SUCCESS;
    complain("a kernel wrote right before or behind a piece of %zu bytes", bytes);
    return CUDA_ERROR_ILLEGAL_ADDRESS;
}

CUresult cuMemAlloc(CUdeviceptr *to, size_t bytes) {
    CUresult no = not_beside_capture("cuMemAlloc");
    if (no) return no;
    return bytes ? allocate(to, bytes, NULL) : CUDA_ERROR_INVALID_VALUE;
}

/* A real graph would own the memory. Graphs of this project own none, so that a launch finds its arguments where they
 * were. */
CUresult cuMemAllocAsync(CUdeviceptr *to, size_t bytes, CUstream stream) {
    CUresult no = not_in_capture(stream, "cuMemAllocAsync");
    if (!stream_of(stream)) return CUDA_ERROR_INVALID_HANDLE;
    return no ? no : allocate(to, bytes, stream_of(stream));
}

CUresult cuMemFree(CUdeviceptr memory) {
    CUresult no = not_beside_capture("cuMemFree");
    host_waits_for_all();
    return no ? no : release(memory, NULL);
}

CUresult cuMemFreeAsync(CUdeviceptr memory, CUstream stream) {
    CUresult no = not_in_capture(stream, "cuMemFreeAsync");
    if (!stream_of(stream)) return CUDA_ERROR_INVALID_HANDLE;
    return no ? no : release(memory, stream_of(stream));
}

CUresult cuMemGetInfo(size_t *unused, size_t *total) {
    pthread_mutex_lock(&lock);
    *unused = TOTAL - used;
    pthread_mutex_unlock(&lock);
    *total = TOTAL;
    return CUDA_SUCCESS;
}

CUresult cuMemHostAlloc(void **to, size_t bytes, unsigned flags) {
    (void)flags;
    CUresult no = not_beside_capture("cuMemHostAlloc");
    if (no) return no;
    return posix_memalign(to, PAGE, bytes ? bytes : 1) ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

CUresult cuMemFreeHost(void *memory) {
    CUresult no = not_beside_capture("cuMemFreeHost");
    if (!no) free(memory);
    return no;
}

/* ---- copies */

struct copy {
    void *to;
    const void *from;
    size_t bytes;
    bool to_device, from_device;
};

static CUresult copy(const void *arguments) {
    const struct copy *it = arguments;
    const char *to = it->to, *from = it->from;
    if (it->bytes == 0) return CUDA_SUCCESS;
    bool live = (!it->from_device || is_live(from, it->bytes, READ, "what is copied")) &&
                (!it->to_device || is_live(to, it->bytes, WRITE, "where a copy goes"));
    if (!live) return CUDA_ERROR_ILLEGAL_ADDRESS;
    if (to < from + it->bytes && from < to + it->bytes) {
        complain("a copy of %zu bytes overlaps itself", it->bytes);
        return CUDA_ERROR_INVALID_VALUE;
    }
    memcpy(it->to, it->from, it->bytes);
    return CUDA_SUCCESS;
}

CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
    CUresult no = not_in_capture(stream, "cuMemcpyHtoDAsync");
    struct copy it = {(void *)to, from, bytes, true, false};
    return no ? no : submit(stream, "copy to the device", copy, &it, sizeof it);
}

CUresult cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
    CUresult no = not_in_capture(stream, "cuMemcpyDtoHAsync");
    struct copy it = {to, (const void *)from, bytes, false, true};
    if (!no) no = submit(stream, "copy to the host", copy, &it, sizeof it);
    /* Into memory that the device does not know, as hosts mostly have it, a copy is done when the call returns. */
    if (!no) host_waits(last_work(stream_of(stream)));
    return no;
}

CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
    struct copy it = {(void *)to, (const void *)from, bytes, true, true};
    return submit(stream, "copy on the device", copy, &it, sizeof it);
}

CUresult cuMemcpyHtoD(CUdeviceptr to, const void *from, size_t bytes) {
    CUresult no = not_beside_capture("cuMemcpyHtoD");
    return no ? no : cuMemcpyHtoDAsync(to, from, bytes, NULL);
}

CUresult cuMemcpyDtoH(void *to, CUdeviceptr from, size_t bytes) {
    CUresult no = not_beside_capture("cuMemcpyDtoH");
    return no ? no : cuMemcpyDtoHAsync(to, from, bytes, NULL);
}

CUresult cuMemcpyDtoD(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
    CUresult no = not_beside_capture("cuMemcpyDtoD");
    return no ? no : cuMemcpyDtoDAsync(to, from, bytes, NULL);
}

struct set {
    unsigned char *to;
    uint32_t value;
    size_t width, count;
};

static CUresult set(const void *arguments) {
    const struct set *it = arguments;
    if (it->count == 0) return CUDA_SUCCESS;
    if (!is_live(it->to, it->width * it->count, WRITE, "what is set")) return CUDA_ERROR_ILLEGAL_ADDRESS;
    if (it->width == 1) memset(it->to, (int)it->value, it->count);
    else for (size_t i = 0; i < it->count; i++) memcpy(it->to + i * it->width, &it->value, it->width);
    return CUDA_SUCCESS;
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream) {
    struct set it = {(unsigned char *)to, value, 1, count};
    return submit(stream, "set bytes", set, &it, sizeof it);
}

CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream stream) {
    struct set it = {(unsigned char *)to, value, 4, count};
    return submit(stream, "set words", set, &it, sizeof it);
}

CUresult cuMemsetD8(CUdeviceptr to, unsigned char value, size_t count) {
    CUresult no = not_beside_capture("cuMemsetD8");
    return no ? no : cuMemsetD8Async(to, value, count, NULL);
}
