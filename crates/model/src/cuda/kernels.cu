// The arithmetic of a network on a CUDA device; the numbers of the crate `kernels`. Follows head.cu.
//
// Pictures are NHWC; of NCHW ones, planes are pictures of one channel. The caller sees to it that windows fit, and that pictures and sums of layers have fewer
// than 2^32 numbers: their places are counted in 32 bits, since division of 64 bits is slow. Not for --use_fast_math: its
// divisions are rough.

// ---- pooling -------------------------------------------------------------------------------------------------------

// Where a window's first greatest is, in row-major order, if it begins at `corner`; a NaN is greater than all numbers.
FUNCTION u32 first_greatest_place(const real *x, u32 corner, u32 width, u32 channels, u32 window_height,
                                  u32 window_width) {
    u32 place = corner;
    float best = value_of(x[corner]);
    for (u32 u = 0; u < window_height; u++) {
        for (u32 v = 0; v < window_width; v++) {
            u32 at = corner + (u * width + v) * channels;
            float value = value_of(x[at]);
            if (value > best || (value != value && best == best)) {
                best = value;
                place = at;
            }
        }
    }
    return place;
}

// The first window, along an axis, that reaches place `i`.
FUNCTION u32 first_window(u32 i, u32 window, u32 stride) { return i < window ? 0 : (i - window) / stride + 1; }

// One more than the last window, along an axis, that begins at or before place `i`.
FUNCTION u32 windows_until(u32 i, u32 windows, u32 stride) {
    u32 until = i / stride + 1;
    return until < windows ? until : windows;
}

// y (B, OH, OW, C) from x (B, H, W, C); a thread for each y.
KERNEL max_pool_forward(const real *__restrict__ x, real *__restrict__ y, u32 batch, u32 height, u32 width,
                        u32 channels, u32 out_height, u32 out_width, u32 window_height, u32 window_width, u32 down,
                        u32 right) {
    u64 thread = THREAD;
    if (thread >= (u64)batch * out_height * out_width * channels) return;
    u32 at = (u32)thread;
    u32 c = at % channels;
    u32 j = at / channels % out_width;
    u32 row = at / channels / out_width;
    u32 i = row % out_height;
    u32 b = row / out_height;
    u32 corner = ((b * height + i * down) * width + j * right) * channels + c;
    y[at] = x[first_greatest_place(x, corner, width, channels, window_height, window_width)];
}

// dx (B, H, W, C) from x (B, H, W, C) and dy (B, OH, OW, C): the first greatest of a window takes all; a thread for
// each dx, which asks all windows that reach it, in row-major order. If `relu` is not 0, x is what a ReLU gave, and dx
// the gradient before it.
KERNEL max_pool_backward(const real *__restrict__ x, const real *__restrict__ dy, real *__restrict__ dx, u32 batch,
                         u32 height, u32 width, u32 channels, u32 out_height, u32 out_width, u32 window_height,
                         u32 window_width, u32 down, u32 right, u32 relu) {
    u64 thread = THREAD;
    if (thread >= (u64)batch * height * width * channels) return;
    u32 at = (u32)thread;
    u32 c = at % channels;
    u32 j = at / channels % width;
    u32 row = at / channels / width;
    u32 i = row % height;
    u32 b = row / height;
    u32 p_end = windows_until(i, out_height, down);
    u32 q_end = windows_until(j, out_width, right);
    float sum = 0.0f;
    for (u32 p = first_window(i, window_height, down); p < p_end; p++) {
        for (u32 q = first_window(j, window_width, right); q < q_end; q++) {
            u32 corner = ((b * height + p * down) * width + q * right) * channels + c;
            if (first_greatest_place(x, corner, width, channels, window_height, window_width) == at) {
                sum += value_of(dy[((b * out_height + p) * out_width + q) * channels + c]);
            }
        }
    }
    dx[at] = relu && value_of(x[at]) <= 0.0f ? rounded(0.0f) : rounded(sum);
}

// y (B, OH, OW, C) from x (B, H, W, C): a window's places added in row-major order, over their number; a thread for
// each y.
KERNEL avg_pool_forward(const real *__restrict__ x, real *__restrict__ y, u32 batch, u32 height, u32 width,
                        u32 channels, u32 out_height, u32 out_width, u32 window_height, u32 window_width, u32 down,
                        u32 right) {
    u64 thread = THREAD;
    if (thread >= (u64)batch * out_height * out_width * channels) return;
    u32 at = (u32)thread;
    u32 c = at % channels;
    u32 j = at / channels % out_width;
    u32 row = at / channels / out_width;
    u32 i = row % out_height;
    u32 b = row / out_height;
    u32 corner = ((b * height + i * down) * width + j * right) * channels + c;
    float sum = 0.0f;
    for (u32 u = 0; u < window_height; u++) {
        for (u32 v = 0; v < window_width; v++) {
            sum += value_of(x[corner + (u * width + v) * channels]);
        }
    }
    y[at] = rounded(sum / ((float)window_height * (float)window_width));
}

// dx (B, H, W, C) from dy (B, OH, OW, C): each place of a window takes an equal part; a thread for each dx, which asks
// all windows that reach it, in row-major order.
KERNEL avg_pool_backward(const real *__restrict__ dy, real *__restrict__ dx, u32 batch, u32 height, u32 width,
                         u32 channels, u32 out_height, u32 out_width, u32 window_height, u32 window_width, u32 down,
                         u32 right) {
    u64 thread = THREAD;
    if (thread >= (u64)batch * height * width * channels) return;
    u32 at = (u32)thread;
    u32 c = at % channels;
    u32 j = at / channels % width;
    u32 row = at / channels / width;
    u32 i = row % height;
    u32 b = row / height;
    u32 p_end = windows_until(i, out_height, down);
    u32 q_end = windows_until(j, out_width, right);
    float places = (float)window_height * (float)window_width;
    float sum = 0.0f;
    for (u32 p = first_window(i, window_height, down); p < p_end; p++) {
        for (u32 q = first_window(j, window_width, right); q < q_end; q++) {
            sum += value_of(dy[((b * out_height + p) * out_width + q) * channels + c]) / places;
        }
    }
    dx[at] = rounded(sum);
}

// ---- bias and activation -------------------------------------------------------------------------------------------

// sums (ROWS, C, INNER), in place: plus bias (C), and max(., 0) if `relu` is not 0, which leaves NaN; a thread for each sum.
// INNER is 1 for NHWC, H * W for NCHW.
KERNEL bias_activation(real *__restrict__ sums, const real *__restrict__ bias, u32 n, u32 channels, u32 inner,
                       u32 relu) {
    u64 thread = THREAD;
    if (thread >= n) return;
    u32 at = (u32)thread;
    float sum = value_of(sums[at]) + value_of(bias[at / inner % channels]);
    sums[at] = rounded(relu && 0.0f > sum ? 0.0f : sum);
}

// dz (N) from y (N) and dy (N): 0 where y <= 0, else dy, so that a NaN is not hidden; dz may be dy; a thread for each.
KERNEL relu_backward(const real *y, const real *dy, real *dz, u64 n) {
    u64 i = THREAD;
    if (i >= n) return;
    dz[i] = value_of(y[i]) <= 0.0f ? rounded(0.0f) : dy[i];
}

// partial (PARTS, C) from values (ROWS, C, INNER), whose places along ROWS and INNER are counted together, INNER first:
// part p is the sum of places p, p + PARTS, ...; a thread for each partial. Threads side by side read numbers side by
// side: channels where INNER is 1, else places.
KERNEL sum_places_parts(const real *__restrict__ values, float *__restrict__ partial, u32 places, u32 channels,
                        u32 inner, u32 parts) {
    u64 thread = THREAD;
    if (thread >= (u64)parts * channels) return;
    u32 at = (u32)thread;
    u32 c = inner == 1 ? at % channels : at / parts;
    u32 part = inner == 1 ? at / channels : at % parts;
    float sum = 0.0f;
    for (u64 place = part; place < places; place += parts) {
        u32 outer = (u32)place / inner;
        sum += value_of(values[(outer * channels + c) * inner + ((u32)place - outer * inner)]);
    }
    partial[(u64)part * channels + c] = sum;
}

// sums (C) from partial (PARTS, C), in the order of the parts; a thread for each channel.
KERNEL sum_places_finish(const float *__restrict__ partial, real *__restrict__ sums, u32 channels, u32 parts) {
    u64 c = THREAD;
    if (c >= channels) return;
    float sum = 0.0f;
    for (u64 part = 0; part < parts; part++) {
        sum += partial[part * channels + c];
    }
    sums[c] = rounded(sum);
}

// ---- loss ----------------------------------------------------------------------------------------------------------

// losses (B), dlogits (B, CLASSES) of the mean loss, and correct (B), 1 where the first greatest is at the label, else
// 0, from logits (B, CLASSES) and labels (B). A label that is no class gives a loss of NaN, for the caller to see, no
// gradient, and is not correct; a thread for each row.
KERNEL cross_entropy(const real *__restrict__ logits, const u32 *__restrict__ labels, float *__restrict__ losses,
                     real *__restrict__ dlogits, u32 *__restrict__ correct, u32 batch, u32 classes,
                     float smoothing) {
    u64 row = THREAD;
    if (row >= batch) return;
    const real *z = logits + row * classes;
    real *d = dlogits + row * classes;
    u32 label = labels[row];
    if (label >= classes) {
        for (u32 k = 0; k < classes; k++) d[k] = rounded(0.0f);
        losses[row] = NOT_A_NUMBER;
        correct[row] = 0;
        return;
    }
    u32 answer = 0;
    float max = -INFINITE;
    for (u32 k = 0; k < classes; k++) {
        if (value_of(z[k]) > max) {
            max = value_of(z[k]);
            answer = k;
        }
    }
    float total = 0.0f;
    float sum = 0.0f;
    for (u32 k = 0; k < classes; k++) {
        total += expf(value_of(z[k]) - max);
        sum += value_of(z[k]) - max;
    }
    float log_total = logf(total);
    float loss = log_total - (value_of(z[label]) - max);
    // Not where it is 0: 0 times the infinite loss of a class that has a logit of -inf would be NaN.
    if (smoothing != 0.0f) {
        float to_all = log_total - sum / (float)classes;
        loss = (1.0f - smoothing) * loss + smoothing * to_all;
    }
    losses[row] = loss;
    correct[row] = answer == label;
    float off = smoothing / (float)classes;
    float on = 1.0f - smoothing + off;
    for (u32 k = 0; k < classes; k++) {
        float share = expf(value_of(z[k]) - max) / total;
        d[k] = rounded((share - (k == label ? on : off)) / (float)batch);
    }
}

// sums (PARTS) from values (N): part p is the sum of values p, p + PARTS, ...; a thread for each part. Once more, with
// the sums as values and 1 part, gives the whole sum.
KERNEL sum_in_order(const float *__restrict__ values, float *__restrict__ sums, u64 n, u32 parts) {
    u64 part = THREAD;
    if (part >= parts) return;
    float sum = 0.0f;
    for (u64 i = part; i < n; i += parts) sum += values[i];
    sums[part] = sum;
}

// mean (1) of `count` values from their sums (PARTS) by sum_in_order, 0 of none; 1 thread.
KERNEL mean_in_order(const float *__restrict__ sums, float *__restrict__ mean, u32 parts, u64 count) {
    if (THREAD >= 1) return;
    float sum = 0.0f;
    for (u32 part = 0; part < parts; part++) sum += sums[part];
    mean[0] = count == 0 ? 0.0f : sum / (float)count;
}

// As sum_in_order, of whole numbers: sums (PARTS) from counts (N).
KERNEL count_in_order(const u32 *__restrict__ counts, u32 *__restrict__ sums, u64 n, u32 parts) {
    u64 part = THREAD;
    if (part >= parts) return;
    u32 sum = 0;
    for (u64 i = part; i < n; i += parts) sum += counts[i];
    sums[part] = sum;
}

// ---- optimizers ----------------------------------------------------------------------------------------------------

// A weight after decoupled decay by weight_decay * learning_rate; one of 0 leaves infinite weights alone, too.
FUNCTION float decayed(float weight, float decay) { return decay == 0.0f ? weight : weight - weight * decay; }

// A weight after a step of Keras' Adam, whose moments it moves; the bias corrections are in `rate`. `keep_1` and `keep_2`
// are 1 - beta_1 and 1 - beta_2, computed in f64: as a difference of f32 the latter would be off by 5e-5.
FUNCTION float after_adam(float weight, float g, float *mean, float *square, float rate, float keep_1, float keep_2,
                          float epsilon, float decay) {
    float m = *mean + (g - *mean) * keep_1;
    float v = *square + (g * g - *square) * keep_2;
    *mean = m;
    *square = v;
    return decayed(weight, decay) - rate * m / (sqrtf(v) + epsilon);
}

// A weight after a step of gradient descent.
FUNCTION float after_descent(float weight, float g, float rate, float decay) {
    return decayed(weight, decay) - rate * g;
}

// A weight after a step with Polyak's momentum, or Nesterov's if `nesterov` is not 0; moves its velocity.
FUNCTION float after_momentum(float weight, float g, float *velocity, float rate, float momentum, u32 nesterov,
                              float decay) {
    float along = g * rate;
    float v = *velocity * momentum - along;
    *velocity = v;
    return decayed(weight, decay) + (nesterov ? v * momentum - along : v);
}

// Steps of N weights by a gradient in f32; a thread for each weight.
KERNEL adam(float *__restrict__ weights, const float *__restrict__ gradient, float *__restrict__ mean,
            float *__restrict__ square, u64 n, float rate, float keep_1, float keep_2, float epsilon, float decay) {
    u64 i = THREAD;
    if (i >= n) return;
    weights[i] =
        after_adam(weights[i], gradient[i], mean + i, square + i, rate, keep_1, keep_2, epsilon, decay);
}

KERNEL sgd(float *__restrict__ weights, const float *__restrict__ gradient, u64 n, float rate, float decay) {
    u64 i = THREAD;
    if (i >= n) return;
    weights[i] = after_descent(weights[i], gradient[i], rate, decay);
}

KERNEL momentum(float *__restrict__ weights, const float *__restrict__ gradient, float *__restrict__ velocity, u64 n,
                float rate, float momentum, u32 nesterov, float decay) {
    u64 i = THREAD;
    if (i >= n) return;
    weights[i] = after_momentum(weights[i], gradient[i], velocity + i, rate, momentum, nesterov, decay);
}
