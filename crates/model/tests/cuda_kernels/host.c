/* Runs one kernel of src/cuda on the CPU, thread after thread.
 *
 * Arguments: the kernel's name, the number of threads, "forwards" or "backwards" for their order, then the numbers
 * the kernel takes behind its arrays, in their order, as whole numbers (of an f32 its bits).
 * Standard input has its arrays in their order, each with its length in bytes as a 64-bit number before it; standard
 * output gets all of them in the same form. The end status is not 0, and standard error says why, if that fails, or if
 * the kernel wrote right behind an array. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long long thread_of_host;

#include "../../src/cuda/head.cu"

#include "../../src/cuda/kernels.cu"
#include "../../src/cuda/pictures.cu"
#include "../../src/cuda/step.cu"

#define GUARD 64
#define MOST 12

static unsigned char *arrays[MOST];
static u64 lengths[MOST];
static int array_count;
static char **numbers;
static int number_count;

static void fail(const char *what) {
    fprintf(stderr, "host.c: %s\n", what);
    exit(1);
}

static u64 whole(int i) {
    if (i >= number_count) fail("too few numbers");
    return strtoull(numbers[i], NULL, 10);
}

static float f32_number(int i) {
    u32 bits = (u32)whole(i);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void *array(int i) {
    if (i >= array_count) fail("too few arrays");
    return arrays[i];
}

/* A guard stands behind each array, and the array is aligned as malloc does it. */
static void read_arrays(void) {
    u64 length;
    while (fread(&length, sizeof length, 1, stdin) == 1) {
        if (array_count == MOST) fail("too many arrays");
        unsigned char *bytes = malloc(length + GUARD);
        if (!bytes || fread(bytes, 1, length, stdin) != length) fail("an array is cut short");
        memset(bytes + length, 0xa5, GUARD);
        lengths[array_count] = length;
        arrays[array_count++] = bytes;
    }
}

static void write_arrays(void) {
    for (int i = 0; i < array_count; i++) {
        for (int k = 0; k < GUARD; k++) {
            if (arrays[i][lengths[i] + k] != 0xa5) fail("the kernel wrote behind an array");
        }
        if (fwrite(&lengths[i], sizeof lengths[i], 1, stdout) != 1 ||
            fwrite(arrays[i], 1, lengths[i], stdout) != lengths[i]) {
            fail("cannot write");
        }
    }
    if (fflush(stdout)) fail("cannot write");
}

/* The numbers are those of a batch of pictures, in their order. */
static Batch batch(void) {
    u32 all[sizeof(Batch) / sizeof(u32)];
    for (int i = 0; i < (int)(sizeof all / sizeof all[0]); i++) all[i] = (u32)whole(i);
    Batch batch;
    memcpy(&batch, all, sizeof batch);
    return batch;
}

/* words (16 N) of the stream of key (8), for tests of this alone; a thread for each 16. */
static void words_of_stream(const i32 *key, u32 *words, u32 blocks) {
    if (THREAD < blocks) stream_words(key, (u32)THREAD, words + 16 * THREAD);
}

/* The kernel's arrays, then its numbers: A is an array, U a whole number, F an f32. */
#define A(i) array(i)
#define U(i) whole(i)
#define U32(i) (u32) whole(i)
#define F(i) f32_number(i)
#define WINDOWS U32(0), U32(1), U32(2), U32(3), U32(4), U32(5), U32(6), U32(7), U32(8), U32(9)

#define CASE(kernel, ...) \
    if (!strcmp(name, #kernel)) { \
        kernel(__VA_ARGS__); \
        return; \
    }

static void run_thread(const char *name) {
    CASE(max_pool_forward, A(0), A(1), WINDOWS)
    CASE(max_pool_backward, A(0), A(1), A(2), WINDOWS, U32(10))
    CASE(avg_pool_forward, A(0), A(1), WINDOWS)
    CASE(avg_pool_backward, A(0), A(1), WINDOWS)
    CASE(bias_activation, A(0), A(1), U32(0), U32(1), U32(2), U32(3))
    CASE(relu_backward, A(0), A(1), A(2), U(0))
    CASE(sum_places_parts, A(0), A(1), U32(0), U32(1), U32(2), U32(3))
    CASE(sum_places_finish, A(0), A(1), U32(0), U32(1))
    CASE(cross_entropy, A(0), A(1), A(2), A(3), A(4), U32(0), U32(1), F(2))
    CASE(sum_in_order, A(0), A(1), U(0), U32(1))
    CASE(mean_in_order, A(0), A(1), U32(0), U(1))
    CASE(count_in_order, A(0), A(1), U(0), U32(1))
    CASE(adam, A(0), A(1), A(2), A(3), U(0), F(1), F(2), F(3), F(4), F(5))
    CASE(sgd, A(0), A(1), U(0), F(1), F(2))
    CASE(momentum, A(0), A(1), A(2), U(0), F(1), F(2), U32(3), F(4))
    CASE(transpose, A(0), A(1), U32(0), U32(1), U32(2))
    CASE(widen_numbers, A(0), A(1), U32(0))
    CASE(spread_weights, A(0), A(1), A(2), U32(0))
    CASE(collect_gradient, A(0), A(1), A(2), A(3), U32(0))
    CASE(report_step, A(0), A(1), A(2), A(3), A(4), A(5), U32(0), U32(1))
    CASE(square_parts, A(0), A(1), U32(0), U32(1))
    CASE(clip_factor, A(0), A(1), U32(0), F(1))
    CASE(adam_step, A(0), A(1), A(2), A(3), A(4), A(5), A(6), A(7), A(8), A(9), A(10), U32(0), F(1), F(2), F(3))
    CASE(sgd_step, A(0), A(1), A(2), A(3), A(4), A(5), A(6), A(7), A(8), U32(0))
    CASE(momentum_step, A(0), A(1), A(2), A(3), A(4), A(5), A(6), A(7), A(8), A(9), U32(0), F(1), U32(2))
    CASE(next_step, A(0))
    CASE(words_of_stream, A(0), A(1), U32(0))
    CASE(pictures_means, A(0), A(1), A(2), A(3), batch())
    CASE(pictures_vary, A(0), A(1), A(2), A(3), A(4), A(5), A(6), batch())
    CASE(pictures_noise, A(0), A(1), A(2), A(3), A(4), batch())
    CASE(pictures_finish, A(0), A(1), A(2), A(3), A(4), A(5), A(6), A(7), A(8), batch())
    fail("no such kernel");
}

int main(int count, char **words) {
    if (count < 4) fail("expected a kernel, a number of threads and an order");
    numbers = words + 4;
    number_count = count - 4;
    read_arrays();
    u64 threads = strtoull(words[2], NULL, 10);
    int backwards = !strcmp(words[3], "backwards");
    for (u64 i = 0; i < threads; i++) {
        thread_of_host = backwards ? threads - 1 - i : i;
        run_thread(words[1]);
    }
    write_arrays();
    return 0;
}
