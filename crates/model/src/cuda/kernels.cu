// The arithmetic of a network on a CUDA device; the numbers of the crate `kernels`. Follows head.cu.
//
// Pictures are NHWC, numbers f32. The caller sees to it that windows fit, and that pictures and sums of layers have fewer
// than 2^32 numbers: their places are counted in 32 bits, since division of 64 bits is slow. Not for --use_fast_math: its
// divisions are rough.

// ---- pooling -------------------------------------------------------------------------------------------------------

// Where a window's first greatest is, in row-major order, if it begins at `corner`; a NaN is greater than all numbers.
FUNCTION u32 first_greatest_place(const float *x, u32 corner, u32 width, u32 channels, u32 window_height,
                                  u32 window_width) {
    u32 place = corner;
    float best = x[corner];
    for (u32 u = 0; u < window_height; u++) {
        for (u32 v = 0; v < window_width; v++) {
            u32 at = corner + (u * width + v) * channels;
            float value = x[at];
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
KERNEL max_pool_forward(const float *__restrict__ x, float *__restrict__ y, u32 batch, u32 height, u32 width,
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
// each dx, which asks all windows that reach it, in row-major order.
KERNEL max_pool_backward(const float *__restrict__ x, const float *__restrict__ dy, float *__restrict__ dx, u32 batch,
                         u32 height, u32 width, u32 channels, u32 out_height, u32 out_width, u32 window_height,
                         u32 window_width, u32 down, u32 right) {
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
                sum += dy[((b * out_height + p) * out_width + q) * channels + c];
            }
        }
    }
    dx[at] = sum;
}

// y (B, OH, OW, C) from x (B, H, W, C): a window's places added in row-major order, over their number; a thread for
// each y.
KERNEL avg_pool_forward(const float *__restrict__ x, float *__restrict__ y, u32 batch, u32 height, u32 width,
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
            sum += x[corner + (u * width + v) * channels];
        }
    }
    y[at] = sum / ((float)window_height * (float)window_width);
}

// dx (B, H, W, C) from dy (B, OH, OW, C): each place of a window takes an equal part; a thread for each dx, which asks
// all windows that reach it, in row-major order.
KERNEL avg_pool_backward(const float *__restrict__ dy, float *__restrict__ dx, u32 batch, u32 height, u32 width,
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
            sum += dy[((b * out_height + p) * out_width + q) * channels + c] / places;
        }
    }
    dx[at] = sum;
}

// ---- bias and activation -------------------------------------------------------------------------------------------

// sums (ROWS, C), in place: plus bias (C), and max(., 0) if `relu` is not 0, which leaves NaN; a thread for each sum.
KERNEL bias_activation(float *__restrict__ sums, const float *__restrict__ bias, u64 rows, u32 channels, u32 relu) {
    u64 thread = THREAD;
    if (thread >= rows * channels) return;
    u32 at = (u32)thread;
    float sum = sums[at] + bias[at % channels];
    sums[at] = relu && 0.0f > sum ? 0.0f : sum;
}

// dz (N) from y (N) and dy (N): 0 where y <= 0, else dy, so that a NaN is not hidden; dz may be dy; a thread for each.
KERNEL relu_backward(const float *y, const float *dy, float *dz, u64 n) {
    u64 i = THREAD;
    if (i >= n) return;
    dz[i] = y[i] <= 0.0f ? 0.0f : dy[i];
}

// partial (PARTS, C) from values (ROWS, C): part p is the sum of rows p, p + PARTS, ...; a thread for each partial.
KERNEL sum_rows_parts(const float *__restrict__ values, float *__restrict__ partial, u64 rows, u32 channels,
                      u32 parts) {
    u64 thread = THREAD;
    if (thread >= (u64)parts * channels) return;
    u64 c = thread % channels;
    float sum = 0.0f;
    for (u64 row = thread / channels; row < rows; row += parts) {
        sum += values[row * channels + c];
    }
    partial[thread] = sum;
}

// sums (C) from partial (PARTS, C), in the order of the parts; a thread for each channel.
KERNEL sum_rows_finish(const float *__restrict__ partial, float *__restrict__ sums, u32 channels, u32 parts) {
    u64 c = THREAD;
    if (c >= channels) return;
    float sum = 0.0f;
    for (u64 part = 0; part < parts; part++) {
        sum += partial[part * channels + c];
    }
    sums[c] = sum;
}

// ---- loss ----------------------------------------------------------------------------------------------------------

// losses (B), dlogits (B, CLASSES) of the mean loss, and correct (B), 1 where the first greatest is at the label, else
// 0, from logits (B, CLASSES) and labels (B). A label that is no class gives a loss of NaN, for the caller to see, no
// gradient, and is not correct; a thread for each row.
KERNEL cross_entropy(const float *__restrict__ logits, const u32 *__restrict__ labels, float *__restrict__ losses,
                     float *__restrict__ dlogits, u32 *__restrict__ correct, u32 batch, u32 classes,
                     float smoothing) {
    u64 row = THREAD;
    if (row >= batch) return;
    const float *z = logits + row * classes;
    float *d = dlogits + row * classes;
    u32 label = labels[row];
    if (label >= classes) {
        for (u32 k = 0; k < classes; k++) d[k] = 0.0f;
        losses[row] = NOT_A_NUMBER;
        correct[row] = 0;
        return;
    }
    u32 answer = 0;
    float max = -INFINITE;
    for (u32 k = 0; k < classes; k++) {
        if (z[k] > max) {
            max = z[k];
            answer = k;
        }
    }
    float total = 0.0f;
    float sum = 0.0f;
    for (u32 k = 0; k < classes; k++) {
        d[k] = expf(z[k] - max);
        total += d[k];
        sum += z[k] - max;
    }
    float log_total = logf(total);
    float loss = log_total - (z[label] - max);
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
        d[k] = (d[k] / total - (k == label ? on : off)) / (float)batch;
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

// Keras' Adam, of N weights, with the bias corrections in `rate`. `keep_1` and `keep_2` are 1 - beta_1 and 1 - beta_2,
// computed in f64: as a difference of f32 the latter would be off by 5e-5; a thread for each weight.
KERNEL adam(float *__restrict__ weights, const float *__restrict__ gradient, float *__restrict__ mean,
            float *__restrict__ square, u64 n, float rate, float keep_1, float keep_2, float epsilon, float decay) {
    u64 i = THREAD;
    if (i >= n) return;
    float g = gradient[i];
    float m = mean[i] + (g - mean[i]) * keep_1;
    float v = square[i] + (g * g - square[i]) * keep_2;
    mean[i] = m;
    square[i] = v;
    weights[i] = decayed(weights[i], decay) - rate * m / (sqrtf(v) + epsilon);
}

// Gradient descent of N weights; a thread for each.
KERNEL sgd(float *__restrict__ weights, const float *__restrict__ gradient, u64 n, float rate, float decay) {
    u64 i = THREAD;
    if (i >= n) return;
    weights[i] = decayed(weights[i], decay) - rate * gradient[i];
}

// Gradient descent of N weights with Polyak's momentum, or Nesterov's if `nesterov` is not 0; a thread for each.
KERNEL momentum(float *__restrict__ weights, const float *__restrict__ gradient, float *__restrict__ velocity, u64 n,
                float rate, float momentum, u32 nesterov, float decay) {
    u64 i = THREAD;
    if (i >= n) return;
    float along = gradient[i] * rate;
    float v = velocity[i] * momentum - along;
    velocity[i] = v;
    weights[i] = decayed(weights[i], decay) + (nesterov ? v * momentum - along : v);
}

// ---- pictures ------------------------------------------------------------------------------------------------------

// values (N) in [0, 1] from bytes (N); a thread for each.
KERNEL pictures_to_f32(const u8 *__restrict__ bytes, float *__restrict__ values, u64 n) {
    u64 i = THREAD;
    if (i >= n) return;
    values[i] = (float)bytes[i] / 255.0f;
}
