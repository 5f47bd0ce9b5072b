// What a step of training needs besides its layers so that the host has nothing to do with it; follows kernels.cu.
//
// Pictures and sums are NCHW here, as cuDNN likes them best; weights lie for the step as cuDNN and cuBLAS read them, in an
// order of their own: `place` says where a network's weight is in it. Everything that changes from step to step is read
// from device memory, by the number of the step in its epoch: the same launches, with the same arguments, are every step.

// ---- between layouts -----------------------------------------------------------------------------------------------

// to (B, COLUMNS, ROWS) from (B, ROWS, COLUMNS); a thread for each number.
KERNEL transpose(const real *__restrict__ from, real *__restrict__ to, u32 batch, u32 rows, u32 columns) {
    u64 thread = THREAD;
    if (thread >= (u64)batch * rows * columns) return;
    u32 at = (u32)thread;
    u32 i = at % rows;
    u32 j = at / rows % columns;
    u32 b = at / rows / columns;
    to[at] = from[(b * rows + i) * columns + j];
}

// to (N) f32 from numbers (N); a thread for each.
KERNEL widen_numbers(const real *__restrict__ numbers, float *__restrict__ to, u32 n) {
    u64 i = THREAD;
    if (i >= n) return;
    to[i] = value_of(numbers[i]);
}

// working (N), the weights as layers read them, from weights (N); a thread for each weight.
KERNEL spread_weights(const float *__restrict__ weights, const u32 *__restrict__ place, real *__restrict__ working,
                      u32 n) {
    u64 i = THREAD;
    if (i >= n) return;
    working[place[i]] = rounded(weights[i]);
}

// flat (N), in the order of the network's weights, from the gradient (N) as layers wrote it, times factor[0]; a thread for
// each weight.
KERNEL collect_gradient(const real *__restrict__ gradient, const u32 *__restrict__ place,
                        const float *__restrict__ factor, float *__restrict__ flat, u32 n) {
    u64 i = THREAD;
    if (i >= n) return;
    flat[i] = value_of(gradient[place[i]]) * factor[0];
}

// ---- the end of a step ---------------------------------------------------------------------------------------------

// losses[step] and correct[step] of a batch, from the sums (PARTS) of its losses and its right answers. Where the loss is
// no number, halted[0] is 1 from then on, and weights stay what they are; 1 thread.
KERNEL report_step(const float *__restrict__ sums, const u32 *__restrict__ counts, const u32 *__restrict__ step,
                   float *__restrict__ losses, u32 *__restrict__ correct, u32 *__restrict__ halted, u32 parts,
                   u32 batch) {
    if (THREAD >= 1) return;
    float sum = 0.0f;
    u32 count = 0;
    for (u32 part = 0; part < parts; part++) {
        sum += sums[part];
        count += counts[part];
    }
    float mean = sum / (float)batch;
    losses[step[0]] = mean;
    correct[step[0]] = count;
    // Of an infinite number and a NaN the difference is NaN.
    if (mean - mean != 0.0f) halted[0] = 1;
}

// sums (PARTS) from the squares of a gradient (N): part p is the sum of p, p + PARTS, ...; a thread for each part.
KERNEL square_parts(const real *__restrict__ gradient, double *__restrict__ sums, u32 n, u32 parts) {
    u64 part = THREAD;
    if (part >= parts) return;
    double sum = 0.0;
    for (u64 i = part; i < n; i += parts) {
        double value = (double)value_of(gradient[i]);
        sum += value * value;
    }
    sums[part] = sum;
}

// factor (1) that shortens a gradient to `longest` where it is longer, else 1, from the sums (PARTS) of its squares;
// 1 thread.
KERNEL clip_factor(const double *__restrict__ sums, float *__restrict__ factor, u32 parts, float longest) {
    if (THREAD >= 1) return;
    double sum = 0.0;
    for (u32 part = 0; part < parts; part++) sum += sums[part];
    double length = sqrt(sum);
    factor[0] = length > (double)longest && length - length == 0.0 ? (float)((double)longest / length) : 1.0f;
}

// Steps of N weights, each by its gradient times factor[0], at the rate and the decay of this step; `working` gets the
// new weights. Nothing where halted[0] is not 0. A thread for each weight.
KERNEL adam_step(float *__restrict__ weights, real *__restrict__ working, const real *__restrict__ gradient,
                 const u32 *__restrict__ place, const u32 *__restrict__ step, const u32 *__restrict__ halted,
                 const float *__restrict__ factor, const float *__restrict__ rates, const float *__restrict__ decays,
                 float *__restrict__ mean, float *__restrict__ square, u32 n, float keep_1, float keep_2,
                 float epsilon) {
    u64 i = THREAD;
    if (i >= n || halted[0]) return;
    u32 at = place[i];
    float g = value_of(gradient[at]) * factor[0];
    float weight = after_adam(weights[i], g, mean + i, square + i, rates[step[0]], keep_1, keep_2, epsilon,
                              decays[step[0]]);
    weights[i] = weight;
    working[at] = rounded(weight);
}

KERNEL sgd_step(float *__restrict__ weights, real *__restrict__ working, const real *__restrict__ gradient,
                const u32 *__restrict__ place, const u32 *__restrict__ step, const u32 *__restrict__ halted,
                const float *__restrict__ factor, const float *__restrict__ rates, const float *__restrict__ decays,
                u32 n) {
    u64 i = THREAD;
    if (i >= n || halted[0]) return;
    u32 at = place[i];
    float g = value_of(gradient[at]) * factor[0];
    float weight = after_descent(weights[i], g, rates[step[0]], decays[step[0]]);
    weights[i] = weight;
    working[at] = rounded(weight);
}

KERNEL momentum_step(float *__restrict__ weights, real *__restrict__ working, const real *__restrict__ gradient,
                     const u32 *__restrict__ place, const u32 *__restrict__ step, const u32 *__restrict__ halted,
                     const float *__restrict__ factor, const float *__restrict__ rates,
                     const float *__restrict__ decays, float *__restrict__ velocity, u32 n, float momentum,
                     u32 nesterov) {
    u64 i = THREAD;
    if (i >= n || halted[0]) return;
    u32 at = place[i];
    float g = value_of(gradient[at]) * factor[0];
    float weight = after_momentum(weights[i], g, velocity + i, rates[step[0]], momentum, nesterov, decays[step[0]]);
    weights[i] = weight;
    working[at] = rounded(weight);
}

// step[0] is the next one; 1 thread.
KERNEL next_step(u32 *step) {
    if (THREAD >= 1) return;
    step[0]++;
}
