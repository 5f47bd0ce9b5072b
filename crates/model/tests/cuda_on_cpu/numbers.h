/* Numbers of f32, f64 and bf16 in memory, as double. */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum numbers { F32, F64, BF16, NO_NUMBERS };

static inline size_t size_of_number(enum numbers type) { return type == F64 ? 8 : type == F32 ? 4 : 2; }

static inline double load_number(enum numbers type, const void *from, size_t i) {
    if (type == F64) return ((const double *)from)[i];
    if (type == F32) return ((const float *)from)[i];
    uint32_t bits = (uint32_t)((const uint16_t *)from)[i] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* bf16 is rounded from f32, to the nearest, halves to even. */
static inline void store_number(enum numbers type, void *to, size_t i, double number) {
    if (type == F64) ((double *)to)[i] = number;
    if (type == F32) ((float *)to)[i] = (float)number;
    if (type != BF16) return;
    float value = (float)number;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t rounded = value != value ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    ((uint16_t *)to)[i] = (uint16_t)rounded;
}

#endif
