/* NVRTC: a program is compiled by the C compiler (`$CC`, else cc), with a function for each kernel that runs it for all its
 * threads, one after the other. Where `$CUDA_HOME` has the real NVRTC, that must take the source, too, which needs no GPU.
 *
 * A kernel begins a line with `KERNEL name(`. Without __CUDACC__, the source takes its thread's number from
 * `thread_of_host`. With $CUDA_ON_CPU_ORDER=backwards the last thread is the first. */
#define _GNU_SOURCE
#include "on_cpu.h"

#include <ctype.h>
#include <dlfcn.h>
#include <nvrtc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct _nvrtcProgram {
    char *source;
    /* What is handed out in the place of PTX. */
    char *compiled;
    char *log;
};

static char *copy_of(const char *text) {
    char *copy = strdup(text);
    if (!copy) abort();
    return copy;
}

/* ---- functions that run kernels */

static const char *const BEFORE =
    "#include <math.h>\n"
    "#include <string.h>\n"
    "static __thread unsigned long long thread_of_host;\n"
    "#line 1 \"program.cu\"\n";

/* `struct launch` and `struct kernel` of on_cpu.h, for the program. */
static const char *const AFTER =
    "\nstruct cpu_launch { unsigned blocks, threads; void **parameters; };\n"
    "struct cpu_kernel { const char *name, *kinds; void (*run)(const struct cpu_launch *); const unsigned *sizes; };\n";

/* Writes a parameter's type, without its name and `__restrict__`; whether it is one. */
static bool write_type(FILE *to, const char *start, const char *end) {
    while (end > start && isspace((unsigned char)end[-1])) end--;
    const char *name = end;
    while (name > start && (isalnum((unsigned char)name[-1]) || name[-1] == '_')) name--;
    if (name == start || name == end) return false;
    const char *no = "__restrict__";
    for (const char *at = start; at < name; at++) {
        if (!strncmp(at, no, strlen(no))) at += strlen(no) - 1;
        else fputc(isspace((unsigned char)*at) ? ' ' : *at, to);
    }
    return true;
}

/* Writes what runs the kernel, and its row of the table, whose parameters begin at `at`. */
static bool write_kernel(FILE *to, FILE *table_to, const char *name, int length, const char *at) {
    const char *end = strchr(at, ')');
    if (!end) return false;
    char kinds[MOST_PARAMETERS + 1] = "", *sizes = NULL, *arguments = NULL;
    size_t sizes_size, arguments_size;
    FILE *sizes_to = open_memstream(&sizes, &sizes_size), *arguments_to = open_memstream(&arguments, &arguments_size);
    bool good = true;
    for (int i = 0; at < end && good; i++) {
        const char *stop = memchr(at, ',', (size_t)(end - at));
        if (!stop) stop = end;
        fprintf(arguments_to, "%s*(", i ? ", " : "");
        fprintf(sizes_to, "sizeof(");
        good = write_type(arguments_to, at, stop) && write_type(sizes_to, at, stop) && i < MOST_PARAMETERS;
        fprintf(arguments_to, "*)l->parameters[%d]", i);
        fprintf(sizes_to, "), ");
        bool pointer = memchr(at, '*', (size_t)(stop - at));
        if (good) kinds[i] = !pointer ? 'v' : memmem(at, (size_t)(stop - at), "const", 5) ? 'r' : 'w';
        at = stop + 1;
    }
    fclose(sizes_to);
    fclose(arguments_to);
    const char *order = getenv("CUDA_ON_CPU_ORDER");
    const char *place = order && !strcmp(order, "backwards") ? "n - 1 - i" : "i";
    fprintf(to,
            "static const unsigned cpu_sizes_%.*s[] = {%s0};\n"
            "static void cpu_run_%.*s(const struct cpu_launch *l) {\n"
            "  unsigned long long n = (unsigned long long)l->blocks * l->threads;\n"
            "  for (unsigned long long i = 0; i < n; i++) { thread_of_host = %s; %.*s(%s); }\n}\n",
            length, name, sizes, length, name, place, length, name, arguments);
    fprintf(table_to, "{\"%.*s\", \"%s\", cpu_run_%.*s, cpu_sizes_%.*s},\n", length, name, kinds, length, name, length, name);
    free(sizes);
    free(arguments);
    return good;
}

/* The program as C, or null if a kernel's parameters are not understood. */
static char *program_in_c(const char *program) {
    char *text = NULL, *table = NULL;
    size_t text_size, table_size;
    FILE *to = open_memstream(&text, &text_size), *table_to = open_memstream(&table, &table_size);
    bool good = true;
    fprintf(to, "%s%s%s", BEFORE, program, AFTER);
    for (const char *line = program; line && good; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (strncmp(line, "KERNEL ", 7)) continue;
        const char *name = line + 7, *parameters = strchr(name, '(');
        if (!parameters) break;
        int length = (int)(parameters - name);
        good = write_kernel(to, table_to, name, length, parameters + 1);
    }
    fclose(table_to);
    fprintf(to, "const struct cpu_kernel cuda_on_cpu_kernels[] = {\n%s{0}};\n", table);
    fclose(to);
    free(table);
    if (good) return text;
    free(text);
    return NULL;
}

/* ---- the C compiler */

static char *read_all(const char *path) {
    char *text = NULL, part[4096];
    size_t size, count;
    FILE *from = fopen(path, "r"), *to = open_memstream(&text, &size);
    while (from && (count = fread(part, 1, sizeof part, from)) > 0) fwrite(part, 1, count, to);
    if (from) fclose(from);
    fclose(to);
    return text;
}

/* A library of the program, or null and the reason. */
static void *compile(const char *program, char **log) {
    const char *temporary = getenv("TMPDIR");
    char folder[256], path[3][300], command[1500];
    snprintf(folder, sizeof folder, "%s/cuda-on-cpu-XXXXXX", temporary && *temporary ? temporary : P_tmpdir);
    char *text = program_in_c(program);
    if (!text) {
        *log = copy_of("a kernel's parameters are not understood");
        return NULL;
    }
    if (!mkdtemp(folder)) abort();
    const char *names[] = {"program.c", "program.so", "log"};
    for (int i = 0; i < 3; i++) snprintf(path[i], sizeof path[i], "%s/%s", folder, names[i]);
    FILE *to = fopen(path[0], "w");
    fputs(text, to);
    fclose(to);
    free(text);
    const char *compiler = getenv("CC");
    snprintf(command, sizeof command,
             "%s -std=gnu11 -O1 -ffp-contract=off -Wall -Wno-unused -Wno-unknown-pragmas -Werror -shared -fPIC -o %s %s -lm >%s 2>&1",
             compiler && *compiler ? compiler : "cc", path[1], path[0], path[2]);
    void *library = NULL;
    if (system(command)) {
        *log = read_all(path[2]);
    } else {
        library = dlopen(path[1], RTLD_NOW | RTLD_LOCAL);
        if (!library) *log = copy_of(dlerror());
    }
    for (int i = 0; i < 3; i++) unlink(path[i]);
    rmdir(folder);
    return library;
}

void *library_of_program(const char *program, char **log) {
    static struct known {
        char *program;
        void *library;
        struct known *next;
    } *known;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    struct known *it = known;
    while (it && strcmp(it->program, program)) it = it->next;
    void *library = it ? it->library : compile(program, log);
    if (!it && library) {
        it = calloc(1, sizeof *it);
        if (!it) abort();
        *it = (struct known){copy_of(program), library, known};
        known = it;
    }
    pthread_mutex_unlock(&lock);
    return library;
}

/* ---- the real NVRTC */

/* What the real NVRTC has against a source, for the caller to free; null if nothing, or if it is not there. */
static char *real_complaint(const char *source, int count, const char *const *options) {
    const char *home = getenv("CUDA_HOME");
    char path[1024], parts[1024];
    snprintf(path, sizeof path, "%s/lib64/libnvrtc.so", home ? home : "");
    snprintf(parts, sizeof parts, "%s/lib64/libnvrtc-builtins.so", home ? home : "");
    /* It looks for its parts by their name alone: loaded before, they are found. */
    bool whole = home && dlopen(parts, RTLD_NOW | RTLD_LOCAL);
    void *real = whole ? dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND) : NULL;
    if (!real) return NULL;
    nvrtcResult (*create)() = dlsym(real, "nvrtcCreateProgram"), (*go)() = dlsym(real, "nvrtcCompileProgram");
    nvrtcResult (*size_of)() = dlsym(real, "nvrtcGetProgramLogSize"), (*log_of)() = dlsym(real, "nvrtcGetProgramLog");
    nvrtcResult (*destroy)() = dlsym(real, "nvrtcDestroyProgram");
    nvrtcProgram program;
    if (create(&program, source, "program.cu", 0, NULL, NULL)) return copy_of("the real NVRTC makes no program of it");
    char *log = NULL;
    if (go(program, count, options)) {
        size_t size = 0;
        size_of(program, &size);
        log = calloc(1, size + 1);
        if (log) log_of(program, log);
    }
    destroy(&program);
    return log;
}

/* ---- the interface */

nvrtcResult nvrtcCreateProgram(nvrtcProgram *to, const char *source, const char *name, int headers,
                               const char *const *contents, const char *const *names) {
    (void)name, (void)contents, (void)names;
    if (headers) {
        complain("nvrtcCreateProgram with headers");
        return NVRTC_ERROR_INVALID_INPUT;
    }
    struct _nvrtcProgram *made = calloc(1, sizeof *made);
    if (!made) return NVRTC_ERROR_OUT_OF_MEMORY;
    made->source = copy_of(source);
    *to = made;
    return NVRTC_SUCCESS;
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram *program) {
    free((*program)->source);
    free((*program)->compiled);
    free((*program)->log);
    free(*program);
    *program = NULL;
    return NVRTC_SUCCESS;
}

/* What an option defines, or null. */
static const char *definition(const char *option) {
    if (!strncmp(option, "-D", 2)) return option + 2;
    return strncmp(option, "--define-macro=", 15) ? NULL : option + 15;
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int count, const char *const *options) {
    free(program->log);
    free(program->compiled);
    program->compiled = NULL;
    program->log = real_complaint(program->source, count, options);
    if (program->log) return NVRTC_ERROR_COMPILATION;
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    fputs(PROGRAM_MARK, to);
    for (int i = 0; i < count; i++) {
        const char *macro = definition(options[i]);
        const char *value = macro ? strchr(macro, '=') : NULL;
        if (value) fprintf(to, "#define %.*s %s\n", (int)(value - macro), macro, value + 1);
        else if (macro) fprintf(to, "#define %s 1\n", macro);
    }
    fprintf(to, "#line 1 \"program.cu\"\n%s", program->source);
    fclose(to);
    if (!library_of_program(text, &program->log)) {
        free(text);
        return NVRTC_ERROR_COMPILATION;
    }
    program->compiled = text;
    return NVRTC_SUCCESS;
}

static nvrtcResult size_of(const char *text, size_t *size) {
    *size = (text ? strlen(text) : 0) + 1;
    return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, size_t *size) { return size_of(program->compiled, size); }

nvrtcResult nvrtcGetPTX(nvrtcProgram program, char *to) {
    if (!program->compiled) return NVRTC_ERROR_INVALID_PROGRAM;
    strcpy(to, program->compiled);
    return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t *size) { return size_of(program->log, size); }

nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char *to) {
    strcpy(to, program->log ? program->log : "");
    return NVRTC_SUCCESS;
}

nvrtcResult nvrtcVersion(int *major, int *minor) {
    *major = CUDA_VERSION / 1000;
    *minor = CUDA_VERSION % 1000 / 10;
    return NVRTC_SUCCESS;
}

const char *nvrtcGetErrorString(nvrtcResult result) {
    return result == NVRTC_SUCCESS ? "NVRTC_SUCCESS" : "an error of NVRTC on the CPU";
}
