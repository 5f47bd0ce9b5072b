/* Modules and launches: of kernels that nvrtc.c compiled, and of candle's, which candle.c knows by their names. */
#include "on_cpu.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CUfunc_st {
    const struct kernel *kernel;
    struct CUfunc_st *next;
};

struct CUmod_st {
    /* Null for candle's. */
    const struct kernel *kernels;
    struct CUfunc_st *functions;
};

static bool begins_as_ptx(const char *image) {
    while (*image == ' ' || *image == '\n') image++;
    return !strncmp(image, "//", 2) || !strncmp(image, ".version", 8);
}

CUresult cuModuleLoadData(CUmodule *to, const void *image) {
    CUresult no = not_beside_capture("cuModuleLoadData");
    if (no) return no;
    struct CUmod_st *made = calloc(1, sizeof *made);
    if (!made) return CUDA_ERROR_OUT_OF_MEMORY;
    if (!strncmp(image, PROGRAM_MARK, strlen(PROGRAM_MARK))) {
        char *log = NULL;
        void *library = library_of_program(image, &log);
        made->kernels = library ? dlsym(library, "cuda_on_cpu_kernels") : NULL;
        if (!made->kernels) {
            complain("a program cannot be loaded: %s", log ? log : "no kernels in it");
            free(log);
            free(made);
            return CUDA_ERROR_INVALID_PTX;
        }
    } else if (!begins_as_ptx(image)) {
        complain("a module is loaded that is no PTX");
        free(made);
        return CUDA_ERROR_INVALID_IMAGE;
    }
    *to = made;
    return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule module) {
    while (module->functions) {
        struct CUfunc_st *next = module->functions->next;
        free(module->functions);
        module->functions = next;
    }
    free(module);
    return CUDA_SUCCESS;
}

static const struct kernel *find(const struct kernel *kernels, const char *name) {
    if (!kernels) return kernel_of_candle(name);
    while (kernels->name && strcmp(kernels->name, name)) kernels++;
    return kernels->name ? kernels : NULL;
}

CUresult cuModuleGetFunction(CUfunction *to, CUmodule module, const char *name) {
    const struct kernel *kernel = find(module->kernels, name);
    if (!kernel) {
        complain("no kernel is named %s%s", name, module->kernels ? "" : " in candle.c: it is to be written there");
        return CUDA_ERROR_NOT_FOUND;
    }
    struct CUfunc_st *made = calloc(1, sizeof *made);
    if (!made) return CUDA_ERROR_OUT_OF_MEMORY;
    made->kernel = kernel;
    do {
        made->next = __atomic_load_n(&module->functions, __ATOMIC_SEQ_CST);
    } while (!__sync_bool_compare_and_swap(&module->functions, made->next, made));
    *to = made;
    return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function) {
    (void)function;
    *value = attribute == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024 : 0;
    return CUDA_SUCCESS;
}

/* A launch with its parameters by value, each at the next place that suits any type. */
struct work {
    const struct kernel *kernel;
    unsigned blocks, threads_of_block;
    _Alignas(16) char parameters[1024];
};

static size_t size_of(const struct kernel *kernel, size_t i) {
    char kind = kernel->kinds[i];
    if (kind == 'v') return kernel->sizes[i];
    return kind >= '1' && kind <= '8' ? (size_t)(kind - '0') : sizeof(void *);
}

static size_t rounded(size_t size) { return (size + 15) / 16 * 16; }

static CUresult run(const void *arguments) {
    const struct work *it = arguments;
    void *addresses[MOST_PARAMETERS];
    for (size_t i = 0, at = 0; it->kernel->kinds[i]; at += rounded(size_of(it->kernel, i)), i++) {
        char kind = it->kernel->kinds[i];
        addresses[i] = (void *)(it->parameters + at);
        const void *memory;
        memcpy(&memory, addresses[i], sizeof memory);
        bool pointer = kind == 'r' || kind == 'w' || (kind == 'o' && memory);
        char what[128];
        snprintf(what, sizeof what, "parameter %zu of %s", i, it->kernel->name);
        if (pointer && !is_live(memory, 0, kind == 'w' ? WRITE : READ, what)) return CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    it->kernel->run(&(struct launch){it->blocks, it->threads_of_block, addresses});
    return CUDA_SUCCESS;
}

CUresult cuLaunchKernel(CUfunction function, unsigned blocks, unsigned blocks_y, unsigned blocks_z, unsigned threads,
                        unsigned threads_y, unsigned threads_z, unsigned shared, CUstream stream, void **parameters,
                        void **extra) {
    const char *name = function->kernel->name;
    (void)shared;
    threads *= threads_y * threads_z;
    /* Candle's know what they do. */
    bool flat = blocks_y == 1 && blocks_z == 1 && ((threads_y == 1 && threads_z == 1) || !function->kernel->sizes);
    if (!flat || extra) {
        complain("%s is launched in more than one dimension, or with packed parameters", name);
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    if (blocks == 0 || blocks > 0x7fffffff || threads == 0 || threads > 1024) {
        complain("%s is launched with %u blocks of %u threads", name, blocks, threads);
        return CUDA_ERROR_INVALID_VALUE;
    }
    struct work it = {.kernel = function->kernel, .blocks = blocks, .threads_of_block = threads};
    for (size_t i = 0, at = 0; it.kernel->kinds[i]; at += rounded(size_of(it.kernel, i)), i++) {
        if (at + size_of(it.kernel, i) > sizeof it.parameters) {
            complain("the parameters of %s are too many bytes", name);
            return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
        }
        memcpy(it.parameters + at, parameters[i], size_of(it.kernel, i));
    }
    return submit(stream, name, run, &it, sizeof it);
}
