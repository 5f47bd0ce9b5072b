// What the kernels of this folder are written in: C without headers, so that a C compiler takes them, too, and tests run
// them on the CPU. NVRTC compiles all of them at run time, as one source that begins with this.
//
// A thread computes its own outputs alone, in a fixed order: a result does not depend on which thread is first. Threads
// beyond the outputs do nothing. Arrays do not overlap, except where it is said.

typedef unsigned char u8;
typedef unsigned short u16;
typedef short i16;
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;

#ifdef __CUDACC__
#define KERNEL extern "C" __global__ void
#define FUNCTION static __device__ __forceinline__
#define THREAD ((u64)blockIdx.x * blockDim.x + threadIdx.x)
#define NOT_A_NUMBER __int_as_float(0x7fc00000)
#define INFINITE __int_as_float(0x7f800000)
#else
// Whoever includes this has included math.h, and says which thread it is.
#define KERNEL static void
#define FUNCTION static inline
#define THREAD thread_of_host
#define NOT_A_NUMBER NAN
#define INFINITE INFINITY
#endif

// What pictures, weights and gradients of a network are stored as: f32, or bf16 where BF16 is defined. Computed is with f32.
#ifdef BF16
typedef u16 real;

typedef union {
    u32 bits;
    float value;
} Word;

// Exact.
FUNCTION float value_of(real stored) {
    Word word;
    word.bits = (u32)stored << 16;
    return word.value;
}

// The nearest, to even where two are as near; a NaN stays one.
FUNCTION real rounded(float value) {
    Word word;
    word.value = value;
    if (value != value) return (real)(word.bits >> 16 | 0x40);
    return (real)((word.bits + 0x7fff + (word.bits >> 16 & 1)) >> 16);
}
#else
typedef float real;

FUNCTION float value_of(real stored) { return stored; }

FUNCTION real rounded(float value) { return value; }
#endif
