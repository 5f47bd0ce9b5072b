/* NVIDIA's libraries on the CPU, for tests of the code that calls them: what the parts of the stand-in know of each other.
 *
 * It is a test double. It shows that host code passes what it means to pass: the order, sizes and layouts of arguments, who
 * owns which memory, which streams wait for which, what may be done while a graph is captured. It shows nothing of speed, of
 * the bits of a GPU, nor of what a real device or library refuses: each call does its work at once, in loops of C.
 *
 *     memory.c    device memory between guard pages, copies      streams.c  contexts, streams, events
 *     work.c      what is done on a stream, graphs, faults       order.c    which work waits for which
 *     modules.c   modules, functions, launches                   nvrtc.c    kernels of a program's own, by cc
 *     candle.c    candle's kernels, by their names               device.c   the device and its properties
 *     cublas.c, cudnn.c, curand.c                                check.c    that all this holds
 *
 * Whatever is wrong is told on standard error, after "cuda on cpu:". */
#ifndef ON_CPU_H
#define ON_CPU_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a host must not see: memory that nobody has written, as floats NaN. */
#define UNWRITTEN 0xff
/* What a library leaves in a workspace. */
#define GARBAGE 0xee

/* Says on standard error what is wrong. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- memory.c */

/* What work does with memory. */
enum access { READ, WRITE };
/* Whether these bytes lie in one piece of memory that lives, and no other stream may be at work on them; else it complains.
 * `what` names the argument. Of the stream whose work this is. */
bool is_live(const void *at, size_t bytes, enum access access, const char *what);
/* What is known of an address, for a message. */
void tell_of(const void *at);

/* ---- work.c */

/* Some work of a device, with a copy of its arguments. */
typedef CUresult (*Work)(const void *arguments);

/* Does the work now, or, while the stream is captured, has the graph do it later. */
CUresult submit(CUstream stream, const char *name, Work work, const void *arguments, size_t size);
/* For calls that no capture of the stream can hold: an error, and the capture is invalid, while there is one. */
CUresult not_in_capture(CUstream stream, const char *call);
/* For calls that have to do with no stream: an error, and the capture is invalid, while one forbids them. */
CUresult not_beside_capture(const char *call);
/* The number of the capture that a stream is in, or 0. */
uint64_t capture_of(CUstream stream);
/* Makes the capture of a stream invalid. */
void invalidate(CUstream stream);
/* The stream whose work is being done by this thread. */
struct stream *working_stream(void);
/* What an earlier fault makes of all later calls. */
CUresult earlier_fault(void);

/* ---- streams.c */

/* A stream: what is captured of it, its number in order.c, what it has waited for. */
struct stream {
    struct capture *capture;
    uint64_t number;
    struct waited *waited;
    bool is_legacy;
};
/* The stream of a handle, or null. Each thread has its own for CU_STREAM_PER_THREAD. */
struct stream *stream_of(CUstream handle);

/* ---- order.c */

/* Some work of a stream; or none, where both are 0. */
struct mark {
    uint64_t stream, work;
};
struct mark begin_work(struct stream *stream);
struct mark last_work(struct stream *stream);
void host_waits(struct mark mark);
void host_waits_for_all(void);
void stream_waits(struct stream *stream, struct mark mark);
/* Whether work is done when what the stream is asked for next begins. */
bool is_done_for(const struct stream *stream, struct mark mark);

/* ---- modules.c, nvrtc.c, candle.c */

/* The most parameters of a kernel. */
#define MOST_PARAMETERS 32

/* Parameters as they are passed: the address of each. */
struct launch {
    unsigned blocks, threads_of_block;
    void **parameters;
};

/* A kernel. `kinds` has a letter for each parameter: w, r for memory that is written, only read; o for such or null; v for
 * a value of its size in `sizes`; a digit for a number of so many bytes. */
struct kernel {
    const char *name;
    const char *kinds;
    void (*run)(const struct launch *launch);
    const unsigned *sizes;
};

/* Of one of candle's kernels, or null. */
const struct kernel *kernel_of_candle(const char *name);
/* What a program of NVRTC begins with, once compiled. */
#define PROGRAM_MARK "// compiled by cuda on cpu\n"
/* The library of a program, compiled when it is first asked for, or null; then `log` says why, for the caller to free. */
void *library_of_program(const char *program, char **log);

#endif
