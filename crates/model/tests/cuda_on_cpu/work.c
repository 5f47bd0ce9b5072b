/* Work on a stream: done at once, or, while the stream is captured, by the graph that this makes. A fault in it is caught,
 * told, and, as on a device, an error of all calls from then on. */
#define _GNU_SOURCE
#include "on_cpu.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- faults */

static __thread sigjmp_buf way_out;
static __thread volatile sig_atomic_t at_work;
static __thread void *volatile fault_at;
static struct sigaction handler_before;
static volatile CUresult fault;

CUresult earlier_fault(void) { return fault; }

static void on_fault(int signal, siginfo_t *info, void *context) {
    if (at_work) {
        fault_at = info->si_addr;
        siglongjmp(way_out, 1);
    }
    if (handler_before.sa_flags & SA_SIGINFO) handler_before.sa_sigaction(signal, info, context);
    else if (handler_before.sa_handler != SIG_IGN && handler_before.sa_handler != SIG_DFL)
        handler_before.sa_handler(signal);
    else sigaction(signal, &handler_before, NULL);
}

static void install(void) {
    struct sigaction handler = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &handler, &handler_before);
}

static __thread struct stream *working;

struct stream *working_stream(void) { return working; }

static CUresult do_work(struct stream *stream, const char *name, Work work, const void *arguments) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    if (fault) return fault;
    working = stream;
    begin_work(stream);
    CUresult result;
    if (sigsetjmp(way_out, 1)) {
        complain("%s touches %p, which is no memory of the device, or was freed", name, fault_at);
        tell_of(fault_at);
        result = CUDA_ERROR_ILLEGAL_ADDRESS;
    } else {
        at_work = 1;
        result = work(arguments);
    }
    at_work = 0;
    if (result) complain("%s failed with error %d", name, result);
    if (result == CUDA_ERROR_ILLEGAL_ADDRESS) fault = result;
    return result;
}

/* ---- graphs and captures */

struct node {
    char name[64];
    Work work;
    void *arguments;
    size_t size;
};

struct CUgraph_st {
    struct node *nodes;
    size_t count;
};

struct capture {
    struct CUgraph_st *graph;
    CUstreamCaptureMode mode;
    pthread_t owner;
    uint64_t number;
    bool invalid;
    struct capture *next;
};

static struct capture *captures;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void free_graph(struct CUgraph_st *graph) {
    for (size_t i = 0; i < graph->count; i++) free(graph->nodes[i].arguments);
    free(graph->nodes);
    free(graph);
}

static void add(struct CUgraph_st *graph, const char *name, Work work, const void *arguments, size_t size) {
    graph->nodes = realloc(graph->nodes, (graph->count + 1) * sizeof *graph->nodes);
    void *copy = malloc(size ? size : 1);
    if (!graph->nodes || !copy) abort();
    memcpy(copy, arguments, size);
    struct node *node = &graph->nodes[graph->count++];
    *node = (struct node){.work = work, .arguments = copy, .size = size};
    snprintf(node->name, sizeof node->name, "%s", name);
}

CUresult submit(CUstream stream, const char *name, Work work, const void *arguments, size_t size) {
    struct stream *it = stream_of(stream);
    if (!it) {
        complain("%s on %p, which is no stream", name, (void *)stream);
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (!it->capture) return do_work(it, name, work, arguments);
    if (it->capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    add(it->capture->graph, name, work, arguments, size);
    return CUDA_SUCCESS;
}

static CUresult refuse(struct capture *capture, const char *call) {
    if (capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    complain("%s while a graph is captured: no graph can do that, and this one is lost", call);
    capture->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

CUresult not_in_capture(CUstream stream, const char *call) {
    struct stream *it = stream_of(stream);
    return it && it->capture ? refuse(it->capture, call) : CUDA_SUCCESS;
}

CUresult not_beside_capture(const char *call) {
    CUresult result = CUDA_SUCCESS;
    pthread_mutex_lock(&lock);
    for (struct capture *it = captures; it; it = it->next) {
        bool mine = pthread_equal(it->owner, pthread_self());
        if (it->mode == CU_STREAM_CAPTURE_MODE_GLOBAL || (it->mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL && mine))
            result = refuse(it, call);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

uint64_t capture_of(CUstream stream) {
    struct stream *it = stream_of(stream);
    return it && it->capture ? it->capture->number : 0;
}

void invalidate(CUstream stream) {
    struct stream *it = stream_of(stream);
    if (it && it->capture) it->capture->invalid = true;
}

CUresult cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode mode) {
    static uint64_t count;
    struct stream *it = stream_of(stream);
    if (!it) return CUDA_ERROR_INVALID_HANDLE;
    if (stream == NULL || stream == CU_STREAM_LEGACY) {
        complain("the legacy stream cannot be captured");
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (it->capture) {
        complain("a stream is captured that is captured already");
        return CUDA_ERROR_ILLEGAL_STATE;
    }
    struct capture *capture = calloc(1, sizeof *capture);
    struct CUgraph_st *graph = calloc(1, sizeof *graph);
    if (!capture || !graph) abort();
    *capture = (struct capture){.graph = graph, .mode = mode, .owner = pthread_self()};
    pthread_mutex_lock(&lock);
    capture->number = ++count;
    capture->next = captures;
    captures = capture;
    pthread_mutex_unlock(&lock);
    it->capture = capture;
    return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
    struct stream *it = stream_of(stream);
    *graph = NULL;
    if (!it || !it->capture) {
        complain("the capture of a stream ends that is not captured");
        return CUDA_ERROR_ILLEGAL_STATE;
    }
    struct capture *capture = it->capture;
    if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED && !pthread_equal(capture->owner, pthread_self())) {
        complain("a capture is ended by another thread than began it");
        return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    }
    it->capture = NULL;
    pthread_mutex_lock(&lock);
    struct capture **link = &captures;
    while (*link != capture) link = &(*link)->next;
    *link = capture->next;
    pthread_mutex_unlock(&lock);
    bool invalid = capture->invalid;
    if (invalid) free_graph(capture->graph);
    else *graph = capture->graph;
    free(capture);
    return invalid ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : CUDA_SUCCESS;
}

CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *status) {
    struct stream *it = stream_of(stream);
    if (!it) return CUDA_ERROR_INVALID_HANDLE;
    *status = !it->capture           ? CU_STREAM_CAPTURE_STATUS_NONE
              : it->capture->invalid ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                     : CU_STREAM_CAPTURE_STATUS_ACTIVE;
    return CUDA_SUCCESS;
}

/* A graph that can be launched: it does not need the graph it was made of. */
struct CUgraphExec_st {
    struct CUgraph_st graph;
};

CUresult cuGraphInstantiateWithFlags(CUgraphExec *to, CUgraph graph, unsigned long long flags) {
    (void)flags;
    CUresult no = not_beside_capture("cuGraphInstantiateWithFlags");
    if (no) return no;
    struct CUgraphExec_st *made = calloc(1, sizeof *made);
    if (!made) abort();
    for (size_t i = 0; i < graph->count; i++) {
        struct node *node = &graph->nodes[i];
        add(&made->graph, node->name, node->work, node->arguments, node->size);
    }
    *to = made;
    return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithParams(CUgraphExec *to, CUgraph graph, CUDA_GRAPH_INSTANTIATE_PARAMS *how) {
    how->result_out = CUDA_GRAPH_INSTANTIATE_SUCCESS;
    return cuGraphInstantiateWithFlags(to, graph, how->flags);
}

CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *count) {
    if (nodes) return CUDA_ERROR_NOT_SUPPORTED;
    *count = graph->count;
    return CUDA_SUCCESS;
}

CUresult cuGraphUpload(CUgraphExec graph, CUstream stream) {
    (void)graph;
    return not_in_capture(stream, "cuGraphUpload");
}

CUresult cuGraphLaunch(CUgraphExec graph, CUstream stream) {
    if (!stream_of(stream)) return CUDA_ERROR_INVALID_HANDLE;
    CUresult no = not_in_capture(stream, "cuGraphLaunch");
    for (size_t i = 0; !no && i < graph->graph.count; i++) {
        struct node *node = &graph->graph.nodes[i];
        no = do_work(stream_of(stream), node->name, node->work, node->arguments);
        if (no) complain("that was number %zu of the %zu of a graph", i, graph->graph.count);
    }
    return no;
}

CUresult cuGraphExecDestroy(CUgraphExec graph) {
    for (size_t i = 0; i < graph->graph.count; i++) free(graph->graph.nodes[i].arguments);
    free(graph->graph.nodes);
    free(graph);
    return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph graph) {
    free_graph(graph);
    return CUDA_SUCCESS;
}
