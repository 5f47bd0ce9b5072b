/* Which work a stream may take for done. On a real device, streams run side by side, and each thread has its own for
 * CU_STREAM_PER_THREAD: memory that one wrote may be used by another only after the host or the other stream waited for
 * it. Here all is done at once, so a wait that is missing would not be seen: work has numbers, memory remembers who used it
 * last, and what is not waited for is told. The legacy stream waits for all others, as they do for it. */
#include "on_cpu.h"

#include <pthread.h>
#include <stdlib.h>

/* For each stream by its number: its last work, and the last that the host has waited for. */
static struct {
    uint64_t last, done;
} *streams;
static uint64_t stream_count, work_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What a stream has waited for of another one. */
struct waited {
    struct mark mark;
    struct waited *next;
};

static void number(struct stream *stream) {
    if (stream->number) return;
    stream->number = ++stream_count;
    streams = realloc(streams, (stream_count + 1) * sizeof *streams);
    if (!streams) abort();
    streams[stream->number].last = streams[stream->number].done = 0;
}

struct mark begin_work(struct stream *stream) {
    pthread_mutex_lock(&lock);
    number(stream);
    uint64_t work = streams[stream->number].last = ++work_count;
    pthread_mutex_unlock(&lock);
    return (struct mark){stream->number, work};
}

struct mark last_work(struct stream *stream) {
    pthread_mutex_lock(&lock);
    number(stream);
    struct mark mark = {stream->number, streams[stream->number].last};
    pthread_mutex_unlock(&lock);
    return mark;
}

void host_waits(struct mark mark) {
    pthread_mutex_lock(&lock);
    if (mark.stream && streams[mark.stream].done < mark.work) streams[mark.stream].done = mark.work;
    pthread_mutex_unlock(&lock);
}

void host_waits_for_all(void) {
    pthread_mutex_lock(&lock);
    for (uint64_t i = 1; i <= stream_count; i++) streams[i].done = streams[i].last;
    pthread_mutex_unlock(&lock);
}

void stream_waits(struct stream *stream, struct mark mark) {
    struct waited *it = calloc(1, sizeof *it);
    if (!it) abort();
    *it = (struct waited){mark, stream->waited};
    stream->waited = it;
}

bool is_done_for(const struct stream *stream, struct mark mark) {
    if (!mark.stream || mark.stream == stream->number || stream->is_legacy) return true;
    pthread_mutex_lock(&lock);
    bool done = streams[mark.stream].done >= mark.work;
    pthread_mutex_unlock(&lock);
    for (const struct waited *it = stream->waited; it && !done; it = it->next)
        done = it->mark.stream == mark.stream && it->mark.work >= mark.work;
    return done;
}
