/* cuRAND, as far as candle opens one with each device: numbers of some generator of ours, none of NVIDIA's. */
#include "on_cpu.h"

#include <curand.h>
#include <math.h>
#include <stdlib.h>

struct curandGenerator_st {
    CUstream stream;
    uint64_t state;
};

curandStatus_t curandCreateGenerator(curandGenerator_t *to, curandRngType_t type) {
    (void)type;
    if (not_beside_capture("curandCreateGenerator")) return CURAND_STATUS_INITIALIZATION_FAILED;
    *to = calloc(1, sizeof **to);
    return *to ? CURAND_STATUS_SUCCESS : CURAND_STATUS_ALLOCATION_FAILED;
}

curandStatus_t curandDestroyGenerator(curandGenerator_t generator) {
    free(generator);
    return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandSetStream(curandGenerator_t generator, cudaStream_t stream) {
    generator->stream = stream;
    return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandSetPseudoRandomGeneratorSeed(curandGenerator_t generator, unsigned long long seed) {
    generator->state = seed;
    return CURAND_STATUS_SUCCESS;
}

struct draw {
    curandGenerator_t generator;
    void *to;
    size_t count;
    bool wide, normal;
    double mean, deviation;
};

/* In (0, 1]: splitmix64. */
static double uniform(curandGenerator_t generator) {
    uint64_t z = generator->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0 + 1.0 / 9007199254740992.0;
}

static CUresult run(const void *arguments) {
    const struct draw *it = arguments;
    if (!is_live(it->to, it->count * (it->wide ? 8 : 4), WRITE, "random numbers")) return CUDA_ERROR_ILLEGAL_ADDRESS;
    for (size_t i = 0; i < it->count; i++) {
        double number = uniform(it->generator);
        if (it->normal) {
            double angle = 2 * M_PI * uniform(it->generator);
            number = it->mean + it->deviation * sqrt(-2 * log(number)) * cos(angle);
        }
        if (it->wide) ((double *)it->to)[i] = number;
        else ((float *)it->to)[i] = (float)number;
    }
    return CUDA_SUCCESS;
}

static curandStatus_t draw(struct draw it) {
    if (it.normal && it.count % 2) return CURAND_STATUS_LENGTH_NOT_MULTIPLE;
    CUresult result = submit(it.generator->stream, "random numbers", run, &it, sizeof it);
    return result ? CURAND_STATUS_LAUNCH_FAILURE : CURAND_STATUS_SUCCESS;
}

curandStatus_t curandGenerateUniform(curandGenerator_t generator, float *to, size_t count) {
    return draw((struct draw){generator, to, count, false, false, 0, 1});
}

curandStatus_t curandGenerateUniformDouble(curandGenerator_t generator, double *to, size_t count) {
    return draw((struct draw){generator, to, count, true, false, 0, 1});
}

curandStatus_t curandGenerateNormal(curandGenerator_t generator, float *to, size_t count, float mean, float deviation) {
    return draw((struct draw){generator, to, count, false, true, mean, deviation});
}

curandStatus_t curandGenerateNormalDouble(curandGenerator_t generator, double *to, size_t count, double mean,
                                          double deviation) {
    return draw((struct draw){generator, to, count, true, true, mean, deviation});
}
