// Batches of varied pictures on a CUDA device, to the bit those of the crate `dataset`, whose plan of an epoch they are
// made from. Follows head.cu.
//
// A dataset is (N, C, H, W) bytes. Place p of an epoch is picture order[p] of the dataset, varied as the words from
// variations[p * words] on say; a batch is the places from step[0] * batch on. The step is read from memory, so that a
// recorded graph can be launched again for the next one. `ops` has two numbers for each op: its code, and the first of
// its words in a record. Codes and words are those of the table in dataset/src/augment/draw.rs.
//
// Ops are done in stages, some ops in one kernel. A stage is: ops that take pixels from elsewhere, of which one at most
// resamples, then ops that change values where they are. Contrast is the first of its stage, whose planes' means were
// computed before. stages.rs cuts a list of ops so.
//
// Only whole numbers are computed with, up to the last kernel's division. Places in a batch are counted in 32 bits: the
// caller sees to it that it has fewer than 2^32 values, that order[] is within the dataset, and that ops are within a
// record. Words may be any: nothing is read outside of a picture, and places beyond the epoch leave outputs as they were.

enum { FLIP, SHIFT, CROP, RESAMPLE, BRIGHTNESS, CONTRAST, NOISE, CUTOUT };

typedef struct {
    // Whether the bytes that a kernel takes are those of the dataset; else of the batch, (B, C, H, W).
    u32 from_dataset;
    // The stage's ops.
    u32 first;
    u32 until;
    // Of a record.
    u32 words;
    // Places in the epoch.
    u32 epoch;
    // Pictures of a step, and of this one: fewer at the end.
    u32 batch;
    u32 pictures;
    u32 channels;
    u32 height;
    u32 width;
} Batch;

// One picture in a stage.
typedef struct {
    // (C, H, W)
    const u8 *bytes;
    const i32 *record;
    const u32 *ops;
    // (C), in 1/256 of a level; if the stage has contrast.
    const i32 *means;
    i32 height;
    i32 width;
} Picture;

FUNCTION u64 values_of(const Batch *it) { return (u64)it->channels * it->height * it->width; }

// The place in the epoch of picture b of the batch.
FUNCTION u64 place_of(const Batch *it, const u32 *step, u32 b) { return (u64)step[0] * it->batch + b; }

FUNCTION const u8 *bytes_of(const Batch *it, const u8 *source, const u32 *order, u64 place, u32 b) {
    return source + (it->from_dataset ? order[place] : b) * values_of(it);
}

FUNCTION i32 clamped(i32 value, i32 low, i32 high) { return value < low ? low : value > high ? high : value; }

// ---- taking pixels from elsewhere ----------------------------------------------------------------------------------

// A place on a line that is mirrored at both ends without repeating these: of four pixels, -1 is 1 and 4 is 2.
FUNCTION i32 reflected(i32 place, i32 length) {
    i32 period = 2 * (length - 1);
    if (period == 0) return 0;
    place %= period;
    if (place < 0) place += period;
    return place < period - place ? place : period - place;
}

FUNCTION u32 inside(const Picture *it, i32 y, i32 x) { return y >= 0 && y < it->height && x >= 0 && x < it->width; }

// Replaces a place in the picture by the one that ops `first` up to `until`, none of which resamples, take it from.
// Whether that is in the picture.
FUNCTION u32 traced(const Picture *it, u32 first, u32 until, i32 *y, i32 *x) {
    for (u32 op = until; op-- > first;) {
        const i32 *words = it->record + it->ops[2 * op + 1];
        switch (it->ops[2 * op]) {
        case FLIP:
            if (words[0]) *x = it->width - 1 - *x;
            break;
        case SHIFT:
            *x -= words[0];
            *y -= words[1];
            break;
        case CROP:
            *x = reflected(*x - words[0], it->width);
            *y = reflected(*y - words[1], it->height);
            break;
        }
        if (!inside(it, *y, *x)) return 0;
    }
    return 1;
}

// The byte at any place after such ops; black outside.
FUNCTION i32 moved(const Picture *it, const u8 *plane, u32 first, u32 until, i32 y, i32 x) {
    return inside(it, y, x) && traced(it, first, until, &y, &x) ? plane[(u32)y * (u32)it->width + (u32)x] : 0;
}

// `share` of b, in 1/256, and the rest of a, rounded.
FUNCTION i32 mixed(i32 a, i32 b, i32 share) { return (a * 256 + (b - a) * share + 128) >> 8; }

// A pixel of a line that a place in 1/65536 is in; no farther than two beyond its ends, where all is black.
FUNCTION i32 pixel_at(i64 place, i32 length) {
    i64 pixel = place >> 16;
    return (i32)(pixel < -2 ? -2 : pixel > length ? length : pixel);
}

// The byte at a place in the picture after ops `first` up to `until`, of which one at most resamples.
FUNCTION i32 taken(const Picture *it, const u8 *plane, u32 first, u32 until, i32 y, i32 x) {
    u32 resampling = first;
    while (resampling < until && it->ops[2 * resampling] != RESAMPLE) resampling++;
    if (resampling == until) return moved(it, plane, first, until, y, x);
    if (!traced(it, resampling + 1, until, &y, &x)) return 0;
    const i32 *words = it->record + it->ops[2 * resampling + 1];
    // In half pixels from the centre, which may be between two.
    i64 right = 2 * x - (it->width - 1);
    i64 down = 2 * y - (it->height - 1);
    // In 1/65536, with a half of 1/256, so that cutting off rounds.
    i64 from_x = ((i64)(it->width - 1) << 15) + words[0] * right + words[1] * down + 128;
    i64 from_y = ((i64)(it->height - 1) << 15) + words[2] * right + words[3] * down + 128;
    i32 left = pixel_at(from_x, it->width);
    i32 top = pixel_at(from_y, it->height);
    i32 share = (i32)(from_x >> 8 & 0xff);
    i32 upper = mixed(moved(it, plane, first, resampling, top, left),
                      moved(it, plane, first, resampling, top, left + 1), share);
    i32 lower = mixed(moved(it, plane, first, resampling, top + 1, left),
                      moved(it, plane, first, resampling, top + 1, left + 1), share);
    return mixed(upper, lower, (i32)(from_y >> 8 & 0xff));
}

// ---- stages --------------------------------------------------------------------------------------------------------

// The byte of plane c at (y, x) after a stage.
FUNCTION u8 varied_byte(const Picture *it, u32 first, u32 until, u32 c, i32 y, i32 x) {
    u32 points = first;
    while (points < until && it->ops[2 * points] <= RESAMPLE) points++;
    i32 value = taken(it, it->bytes + (u64)c * it->height * it->width, first, points, y, x);
    for (u32 op = points; op < until; op++) {
        const i32 *words = it->record + it->ops[2 * op + 1];
        switch (it->ops[2 * op]) {
        case BRIGHTNESS:
            value = clamped(value + words[0], 0, 255);
            break;
        case CONTRAST: {
            i32 mean = it->means[c];
            i32 distance = (value << 8) - mean;
            i32 moved_value = mean + ((distance * words[0] + 2048) >> 12);
            value = clamped((moved_value + 128) >> 8, 0, 255);
            break;
        }
        case CUTOUT: {
            i32 row = y - (words[0] - words[2] / 2);
            i32 column = x - (words[1] - words[2] / 2);
            if (row >= 0 && row < words[2] && column >= 0 && column < words[2]) value = 0;
            break;
        }
        }
    }
    return (u8)value;
}

// means (B, C) of planes, in 1/256 of a level, rounded; a thread for each plane.
KERNEL pictures_means(const u8 *__restrict__ source, i32 *__restrict__ means, const u32 *__restrict__ order,
                      const u32 *__restrict__ step, Batch it) {
    u64 thread = THREAD;
    if (thread >= (u64)it.pictures * it.channels) return;
    u32 b = (u32)thread / it.channels;
    u64 place = place_of(&it, step, b);
    if (place >= it.epoch) return;
    u32 area = it.height * it.width;
    const u8 *plane = bytes_of(&it, source, order, place, b) + (u64)((u32)thread % it.channels) * area;
    u64 sum = 0;
    for (u32 i = 0; i < area; i++) sum += plane[i];
    means[thread] = (i32)((sum * 256 + area / 2) / area);
}

// Where value `at` of a batch (B, C, H, W) is in the epoch and in the batch.
typedef struct {
    u64 place;
    u32 b;
    u32 c;
    i32 y;
    i32 x;
} Value;

FUNCTION Value value_at(const Batch *it, const u32 *step, u32 at) {
    u32 plane = at / it->width / it->height;
    u32 b = plane / it->channels;
    Value value = {place_of(it, step, b), b, plane % it->channels, (i32)(at / it->width % it->height),
                   (i32)(at % it->width)};
    return value;
}

// The byte of a value after a stage.
FUNCTION u8 byte_of(const Batch *it, const Value *value, const u8 *source, const i32 *means, const u32 *order,
                    const i32 *variations, const u32 *ops) {
    Picture picture = {bytes_of(it, source, order, value->place, value->b), variations + value->place * it->words, ops,
                       means + (u64)value->b * it->channels, (i32)it->height, (i32)it->width};
    return varied_byte(&picture, it->first, it->until, value->c, value->y, value->x);
}

// varied (B, C, H, W): the bytes after a stage; a thread for each.
KERNEL pictures_vary(const u8 *__restrict__ source, u8 *__restrict__ varied, const i32 *__restrict__ means,
                     const u32 *__restrict__ order, const i32 *__restrict__ variations, const u32 *__restrict__ ops,
                     const u32 *__restrict__ step, Batch it) {
    u64 thread = THREAD;
    if (thread >= it.pictures * values_of(&it)) return;
    Value value = value_at(&it, step, (u32)thread);
    if (value.place >= it.epoch) return;
    varied[thread] = byte_of(&it, &value, source, means, order, variations, ops);
}

// images (B, C, H, W) in [0, 1]: the bytes after the last stage, over 255; and labels (B) of the dataset's (N); a thread
// for each value.
KERNEL pictures_finish(const u8 *__restrict__ source, real *__restrict__ images, const i32 *__restrict__ means,
                       const u32 *__restrict__ order, const i32 *__restrict__ variations,
                       const u32 *__restrict__ ops, const u32 *__restrict__ step, const u8 *__restrict__ all_labels,
                       u32 *__restrict__ labels, Batch it) {
    u64 thread = THREAD;
    if (thread >= it.pictures * values_of(&it)) return;
    Value value = value_at(&it, step, (u32)thread);
    if (value.place >= it.epoch) return;
    images[thread] = rounded((float)byte_of(&it, &value, source, means, order, variations, ops) / 255.0f);
    if (value.c == 0 && value.y == 0 && value.x == 0) labels[value.b] = all_labels[order[value.place]];
}

// ---- noise ---------------------------------------------------------------------------------------------------------

FUNCTION u32 rotated(u32 word, u32 by) { return word << by | word >> (32 - by); }

FUNCTION void quarter_round(u32 *a, u32 *b, u32 *c, u32 *d) {
    *a += *b, *d = rotated(*d ^ *a, 16);
    *c += *d, *b = rotated(*b ^ *c, 12);
    *a += *b, *d = rotated(*d ^ *a, 8);
    *c += *d, *b = rotated(*b ^ *c, 7);
}

// 16 words of a named stream, from 16 * block on: ChaCha with 8 rounds and a nonce of 0 (Bernstein, "ChaCha, a variant
// of Salsa20", 2008).
FUNCTION void stream_words(const i32 *key, u32 block, u32 *words) {
    u32 start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (u32 i = 0; i < 8; i++) start[4 + i] = (u32)key[i];
    start[12] = block;
    for (u32 i = 13; i < 16; i++) start[i] = 0;
    for (u32 i = 0; i < 16; i++) words[i] = start[i];
    for (u32 pair = 0; pair < 4; pair++) {
        for (u32 i = 0; i < 4; i++) quarter_round(words + i, words + 4 + i, words + 8 + i, words + 12 + i);
        for (u32 i = 0; i < 4; i++) {
            quarter_round(words + i, words + 4 + (i + 1) % 4, words + 8 + (i + 2) % 4, words + 12 + (i + 3) % 4);
        }
    }
    for (u32 i = 0; i < 16; i++) words[i] += start[i];
}

// bytes (B, C, H, W), in place: plus noise by op `first`, out of equally likely levels (8192); a thread for each 32
// bytes of a picture, what 16 words give.
KERNEL pictures_noise(u8 *__restrict__ bytes, const i16 *__restrict__ levels, const i32 *__restrict__ variations,
                      const u32 *__restrict__ ops, const u32 *__restrict__ step, Batch it) {
    u64 thread = THREAD;
    u64 values = values_of(&it);
    u64 parts = (values + 31) / 32;
    if (thread >= it.pictures * parts) return;
    u32 b = (u32)(thread / parts);
    u32 part = (u32)(thread % parts);
    u64 place = place_of(&it, step, b);
    if (place >= it.epoch) return;
    u32 words[16];
    stream_words(variations + place * it.words + ops[2 * it.first + 1], part, words);
    u8 *picture = bytes + b * values;
    for (u32 i = 0; i < 32; i++) {
        u64 at = (u64)part * 32 + i;
        if (at < values) {
            u32 draw = words[i / 2] >> 16 * (i % 2);
            picture[at] = (u8)clamped(picture[at] + levels[draw % 8192], 0, 255);
        }
    }
}
