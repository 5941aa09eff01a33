/* All operators but those that multiply by weights. docs/artifacts.md tells what each does. */
#include <math.h>
#include <string.h>

#include "net.h"

static void like(struct step *s)           /* a result as the first input */
{
    shape(s->out, s->in[0]->kind, s->in[0]->small, s->in[0]->rank, s->in[0]->side);
}

static void work_pool(const struct step *s)
{
    const struct tensor *in = s->in[0], *out = s->out;
    int c, y, x, i, j, largest = s->all_of_it < 0;
    size_t at = 0;
    for (c = 0; c < out->side[1]; c++)
        for (y = 0; y < out->side[2]; y++)
            for (x = 0; x < out->side[3]; x++, at++) {
                float total = largest ? -INFINITY : 0;
                int32_t most = INT32_MIN;
                int met = 0, counted;
                for (i = 0; i < s->kernel[0]; i++)
                    for (j = 0; j < s->kernel[1]; j++) {
                        int row = y * s->stride[0] - s->pad[0] + i * s->dilation[0];
                        int column = x * s->stride[1] - s->pad[1] + j * s->dilation[1];
                        size_t from = ((size_t)c * in->side[2] + (size_t)row) * in->side[3] + (size_t)column;
                        if (row < 0 || row >= in->side[2] || column < 0 || column >= in->side[3])
                            continue;
                        met++;
                        if (in->kind == WHOLE)
                            most = in->at.whole[from] > most ? in->at.whole[from] : most;
                        else if (largest)
                            total = fmaxf(total, in->at.real[from]);
                        else
                            total += in->at.real[from];
                    }
                counted = s->all_of_it ? s->kernel[0] * s->kernel[1] : met;
                if (in->kind == WHOLE)
                    out->at.whole[at] = met ? most : BYTE_LOW;
                else
                    out->at.real[at] = largest ? total : total / (float)counted;
            }
}

static void set_pool(struct step *s)
{
    numbers("kernel_shape", s->kernel, 2, 1);
    s->all_of_it = -1;
    if (!strcmp(words[0], "AveragePool")) {
        numbers("count_include_pad", &s->all_of_it, 1, 0);
        need(s->in[0]->kind == REAL);
    }
    window(s, s->in[0]->kind, s->in[0]->side[1], s->in[0]->small);
    s->work = work_pool;
}

static void work_mean(const struct step *s)
{
    size_t plane = s->in[0]->count / s->out->count, c, i;
    for (c = 0; c < s->out->count; c++) {
        float total = 0;
        for (i = 0; i < plane; i++)
            total += s->in[0]->at.real[c * plane + i];
        s->out->at.real[c] = total / (float)plane;
    }
}

static void set_mean(struct step *s)
{
    int side[RANK] = { 1, 0, 1, 1 };
    need(s->in[0]->rank == 4 && s->in[0]->side[0] == 1 && s->in[0]->kind == REAL);
    side[1] = s->in[0]->side[1];
    shape(s->out, REAL, 0, 4, side);
    s->work = work_mean;
}

static void work_clip(const struct step *s)
{
    size_t i;
    for (i = 0; i < s->out->count; i++)
        s->out->at.real[i] = fminf(fmaxf(s->in[0]->at.real[i], s->least), s->most);
}

static void set_clip(struct step *s)
{
    int relu = !strcmp(words[0], "Relu");
    need(s->in[0]->kind == REAL);
    s->least = relu ? 0 : real_number("low");
    s->most = relu ? INFINITY : real_number("high");
    like(s);
    s->work = work_clip;
}

static void work_same(const struct step *s)
{
    memcpy(s->out->at.any, s->in[0]->at.any, s->out->count * 4);
}

static void set_reshape(struct step *s)
{
    const char *text = attribute("shape");
    int side[RANK], rank = 1;
    for (; *text; text++)
        rank += *text == ',';
    need(rank <= RANK);
    numbers("shape", side, rank, 1);
    shape(s->out, s->in[0]->kind, s->in[0]->small, rank, side);
    need(s->out->count == s->in[0]->count);
    s->work = work_same;
}

static int stands(const struct tensor *one, const struct tensor *out, size_t at)   /* of one that is spread over out */
{
    size_t index = 0, step = 1;
    int i;
    for (i = 0; i < out->rank; i++) {
        int axis = out->rank - 1 - i, own = one->rank - 1 - i, side = own >= 0 ? one->side[own] : 1;
        index += step * (side == 1 ? 0 : at % (size_t)out->side[axis]);
        at /= (size_t)out->side[axis];
        step *= (size_t)side;
    }
    return (int)index;
}

static void work_both(const struct step *s)
{
    size_t i;
    for (i = 0; i < s->out->count; i++) {
        float a = s->in[0]->at.real[stands(s->in[0], s->out, i)], b = s->in[1]->at.real[stands(s->in[1], s->out, i)];
        s->out->at.real[i] = s->axis ? a * b : a + b;
    }
}

static void set_both(struct step *s)
{
    const struct tensor *a = s->in[0], *b = s->in[1];
    int side[RANK], rank = a->rank > b->rank ? a->rank : b->rank, i;
    need(a->kind == REAL && b->kind == REAL);
    for (i = 0; i < rank; i++) {
        int mine = i < rank - a->rank ? 1 : a->side[i - rank + a->rank];
        int other = i < rank - b->rank ? 1 : b->side[i - rank + b->rank];
        need(mine == other || mine == 1 || other == 1);
        side[i] = mine > other ? mine : other;
    }
    shape(s->out, REAL, 0, rank, side);
    s->axis = !strcmp(words[0], "Mul");
    s->work = work_both;
}

static size_t behind(const struct tensor *one, int axis)   /* how many numbers one place along the axis has */
{
    size_t many = 1;
    for (; axis < one->rank; axis++)
        many *= (size_t)one->side[axis];
    return many;
}

static void work_concat(const struct step *s)
{
    size_t run = behind(s->out, s->axis), begin = 0, at;
    int k;
    for (k = 0; k < s->inputs; k++) {
        size_t own = behind(s->in[k], s->axis);
        for (at = 0; at * own < s->in[k]->count; at++)
            memcpy(s->out->at.whole + at * run + begin, s->in[k]->at.whole + at * own, own * 4);
        begin += own;
    }
}

static void set_concat(struct step *s)
{
    int side[RANK], k, i, small = 1;
    numbers("axis", &s->axis, 1, 0);
    need(s->axis < s->in[0]->rank);
    memcpy(side, s->in[0]->side, sizeof side);
    side[s->axis] = 0;
    for (k = 0; k < s->inputs; k++) {
        need(s->in[k]->rank == s->in[0]->rank && s->in[k]->kind == s->in[0]->kind);
        for (i = 0; i < s->in[k]->rank; i++)
            need(i == s->axis || s->in[k]->side[i] == side[i]);
        side[s->axis] += s->in[k]->side[s->axis];
        need(side[s->axis] <= MOST_NUMBER);
        small &= s->in[k]->small;
    }
    shape(s->out, s->in[0]->kind, small, s->in[0]->rank, side);
    s->work = work_concat;
}

static void work_softmax(const struct step *s)
{
    int last = s->out->side[s->out->rank - 1], i;
    size_t at;
    for (at = 0; at < s->out->count; at += (size_t)last) {
        const float *in = s->in[0]->at.real + at;
        float *out = s->out->at.real + at, most = in[0], total = 0;
        for (i = 1; i < last; i++)
            most = fmaxf(most, in[i]);
        for (i = 0; i < last; i++)
            total += out[i] = expf(in[i] - most);
        for (i = 0; i < last; i++)
            out[i] /= total;
    }
}

static void set_softmax(struct step *s)
{
    need(s->in[0]->kind == REAL);
    like(s);
    s->work = work_softmax;
}

static void work_quantise(const struct step *s)
{
    size_t i;
    for (i = 0; i < s->out->count; i++) {
        float value = rintf(s->in[0]->at.real[i] / s->scale) + (float)s->zero;
        s->out->at.whole[i] = (int32_t)fminf(fmaxf(value, (float)s->low), (float)s->high);
    }
}

static void set_quantise(struct step *s)
{
    need(s->in[0]->kind == REAL);
    s->scale = real_number("scale");
    set_bounds(s);
    shape(s->out, WHOLE, 1, s->in[0]->rank, s->in[0]->side);
    s->work = work_quantise;
}

static void work_dequantise(const struct step *s)
{
    size_t i;
    for (i = 0; i < s->out->count; i++)
        s->out->at.real[i] = (float)(s->in[0]->at.whole[i] - s->zero) * s->scale;
}

static void set_dequantise(struct step *s)
{
    need(s->in[0]->kind == WHOLE && s->in[0]->small);
    s->scale = real_number("scale");
    numbers("zero", &s->zero, 1, BYTE_LOW);
    shape(s->out, REAL, 0, s->in[0]->rank, s->in[0]->side);
    s->work = work_dequantise;
}

static void work_gather(const struct step *s)
{
    size_t i;
    for (i = 0; i < s->out->count; i++)
        s->out->at.whole[i] = s->in[0]->at.whole[s->in[1]->at.whole[i]];
}

static void set_gather(struct step *s)     /* weights that are shared: a table, and numbers into it */
{
    size_t i;
    need(s->in[0]->constant && s->in[1]->constant && s->in[0]->rank == 1 && s->in[1]->kind == WHOLE);
    for (i = 0; i < s->in[1]->count; i++)
        need(s->in[1]->at.whole[i] >= 0 && (size_t)s->in[1]->at.whole[i] < s->in[0]->count);
    shape(s->out, s->in[0]->kind, s->in[0]->small, s->in[1]->rank, s->in[1]->side);
    s->work = work_gather;
}

static void work_enlarge(const struct step *s)
{
    const struct tensor *in = s->in[0], *out = s->out;
    int32_t *to = out->at.whole;           /* four bytes each, of either kind */
    int c, y, x;
    for (c = 0; c < out->side[1]; c++)
        for (y = 0; y < out->side[2]; y++) {
            const int32_t *from = in->at.whole + ((size_t)c * in->side[2] + y / s->by[0]) * in->side[3];
            for (x = 0; x < out->side[3]; x++)
                *to++ = from[x / s->by[1]];
        }
}

static void set_enlarge(struct step *s)
{
    int side[RANK] = { 1, 0, 0, 0 }, i;
    need(s->in[0]->rank == 4 && s->in[0]->side[0] == 1);
    numbers("by", s->by, 2, 1);
    side[1] = s->in[0]->side[1];
    for (i = 0; i < 2; i++) {
        need((long long)s->in[0]->side[2 + i] * s->by[i] <= MOST_NUMBER);
        side[2 + i] = s->in[0]->side[2 + i] * s->by[i];
    }
    shape(s->out, s->in[0]->kind, s->in[0]->small, 4, side);
    s->work = work_enlarge;
}

static const struct operator OPERATORS[] = {
    { "Conv", 3, 3, set_product }, { "Gemm", 3, 3, set_product },
    { "IntConv", 4, 4, set_int }, { "IntGemm", 4, 4, set_int },
    { "MaxPool", 1, 1, set_pool }, { "AveragePool", 1, 1, set_pool }, { "GlobalAveragePool", 1, 1, set_mean },
    { "Relu", 1, 1, set_clip }, { "Clip", 1, 1, set_clip }, { "Reshape", 1, 1, set_reshape },
    { "Add", 2, 2, set_both }, { "Mul", 2, 2, set_both }, { "Concat", 1, INPUTS, set_concat },
    { "Softmax", 1, 1, set_softmax }, { "QuantizeLinear", 1, 1, set_quantise },
    { "DequantizeLinear", 1, 1, set_dequantise }, { "Gather", 2, 2, set_gather }, { "Enlarge", 1, 1, set_enlarge },
};

const struct operator *operator_named(const char *name)
{
    size_t k;
    for (k = 0; k < sizeof OPERATORS / sizeof *OPERATORS; k++)
        if (!strcmp(OPERATORS[k].name, name))
            return &OPERATORS[k];
    return NULL;
}
