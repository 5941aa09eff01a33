/* Convolutions and full connections: real numbers as float32, whole ones exactly, and scaled once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

static int length(const struct step *s, int i)
{
    long long reach = (long long)s->dilation[i] * (s->kernel[i] - 1);
    long long left = (long long)s->in[0]->side[2 + i] + s->pad[i] + s->pad[2 + i] - reach - 1;
    need(left >= 0);
    return (int)(left / s->stride[i]) + 1;
}

void window(struct step *s, enum kind kind, int channels, int small)
{
    int side[RANK] = { 1, 0, 0, 0 };
    need(s->in[0]->rank == 4 && s->in[0]->side[0] == 1);
    numbers("strides", s->stride, 2, 1);
    numbers("pads", s->pad, 4, 0);
    numbers("dilations", s->dilation, 2, 1);
    side[1] = channels;
    side[2] = length(s, 0);
    side[3] = length(s, 1);
    shape(s->out, kind, small, 4, side);
}

/* Where a place of the window, number k along axis i, lies on the input: results from *begin up to *end do. */
static int places(const struct step *s, int i, int k, int *begin, int *end)
{
    int from = k * s->dilation[i] - s->pad[i], size = s->in[0]->side[2 + i], most = s->out->side[2 + i];
    *begin = from >= 0 ? 0 : (-from + s->stride[i] - 1) / s->stride[i];
    *end = from >= size ? 0 : (size - 1 - from) / s->stride[i] + 1;
    if (*end > most)
        *end = most;
    return from;
}

/* The same loops for real numbers and for whole ones; a rim of pads adds nothing. */
#define SUMS(TYPE) \
static void sum_window_##TYPE(const struct step *s, const TYPE *data, const TYPE *weight, const TYPE *bias, TYPE *sum) \
{ \
    int in = s->in[1]->side[1], outs = s->out->side[1] / s->group; \
    int rows = s->in[0]->side[2], width = s->in[0]->side[3]; \
    int high = s->out->side[2], wide = s->out->side[3], o, c, i, j, y, x, top, bottom, left, right; \
    for (o = 0; o < outs * s->group; o++, sum += (size_t)high * wide) { \
        for (x = 0; x < high * wide; x++) \
            sum[x] = bias ? bias[o] : 0; \
        for (c = 0; c < in; c++) \
            for (i = 0; i < s->kernel[0]; i++) \
                for (j = 0; j < s->kernel[1]; j++) { \
                    const TYPE *plane = data + (size_t)(o / outs * in + c) * rows * width; \
                    int row = places(s, 0, i, &top, &bottom), column = places(s, 1, j, &left, &right); \
                    TYPE w = *weight++; \
                    for (y = top; y < bottom; y++) { \
                        const TYPE *from = plane + (size_t)(row + y * s->stride[0]) * width; \
                        TYPE *to = sum + (size_t)y * wide; \
                        for (x = left; x < right; x++) \
                            to[x] += w * from[column + x * s->stride[1]]; \
                    } \
                } \
    } \
} \
static void sum_rows_##TYPE(const struct step *s, const TYPE *data, const TYPE *weight, const TYPE *bias, TYPE *sum) \
{ \
    int rows = s->in[0]->side[0], in = s->in[0]->side[1], outs = s->out->side[1], r, o, i; \
    for (r = 0; r < rows; r++) \
        for (o = 0; o < outs; o++) { \
            const TYPE *from = data + (size_t)r * in, *w = weight + (size_t)o * in; \
            TYPE total = bias ? bias[o] : 0; \
            for (i = 0; i < in; i++) \
                total += w[i] * from[i]; \
            *sum++ = total; \
        } \
}
SUMS(float)
SUMS(int32_t)

static void work_window(const struct step *s)
{
    sum_window_float(s, s->in[0]->at.real, s->in[1]->at.real, s->in[2] ? s->in[2]->at.real : NULL, s->out->at.real);
}

static void work_rows(const struct step *s)
{
    sum_rows_float(s, s->in[0]->at.real, s->in[1]->at.real, s->in[2] ? s->in[2]->at.real : NULL, s->out->at.real);
}

static void work_int(const struct step *s)
{
    const struct tensor *in = s->in[0], *out = s->out, *scale = s->in[3];
    const int32_t *bias = s->in[2] ? s->in[2]->at.whole : NULL;
    int32_t *less = s->room, *sum = s->room + in->count;
    size_t i, plane = out->rank == 4 ? (size_t)out->side[2] * out->side[3] : 1;
    for (i = 0; i < in->count; i++)
        less[i] = in->at.whole[i] - s->zero_in;
    (out->rank == 4 ? sum_window_int32_t : sum_rows_int32_t)(s, less, s->in[1]->at.whole, bias, sum);
    for (i = 0; i < out->count; i++) {
        float value = (float)sum[i] * scale->at.real[scale->count == 1 ? 0 : i / plane % (size_t)out->side[1]];
        if (out->kind == REAL)
            out->at.real[i] = value;
        else
            out->at.whole[i] = (int32_t)fminf(fmaxf(rintf(value) + (float)s->zero, (float)s->low), (float)s->high);
    }
}

static void filter(struct step *s, enum kind kind, enum kind result)
{
    const struct tensor *data = s->in[0], *weight = s->in[1], *bias = s->in[2];
    int matrix = weight->rank == 2, side[2];
    need(data->kind == kind && weight->kind == kind && weight->constant && weight->count);
    need(!bias || (bias->kind == kind && bias->constant && bias->count == (size_t)weight->side[0]));
    if (matrix) {
        need(data->rank == 2 && data->side[1] == weight->side[1]);
        side[0] = data->side[0];
        side[1] = weight->side[0];
        shape(s->out, result, result == WHOLE, 2, side);
        return;
    }
    need(data->rank == 4 && weight->rank == 4);
    numbers("group", &s->group, 1, 1);
    need(data->side[1] == (long)weight->side[1] * s->group && weight->side[0] % s->group == 0);
    s->kernel[0] = weight->side[2];
    s->kernel[1] = weight->side[3];
    window(s, result, weight->side[0], result == WHOLE);
}

void set_product(struct step *s)
{
    filter(s, REAL, REAL);
    s->work = s->in[1]->rank == 2 ? work_rows : work_window;
}

void set_bounds(struct step *s)     /* of 8-bit integers */
{
    const char *to = attribute("to");
    need(!strcmp(to, "uint8") || !strcmp(to, "int8"));
    s->low = *to == 'u' ? 0 : -128;
    s->high = *to == 'u' ? 255 : 127;
    numbers("zero", &s->zero, 1, s->low);
    need(s->zero <= s->high);
}

/* No sum, whatever the image, may leave 32 bits: it would be another number than the reference's. */
static void require_room(const struct step *s)
{
    const struct tensor *weight = s->in[1];
    size_t each = weight->count / (size_t)weight->side[0], o, i;
    for (o = 0; o < (size_t)weight->side[0]; o++) {
        int64_t sum = s->in[2] ? llabs(s->in[2]->at.whole[o]) : 0;
        for (i = 0; i < each && sum <= INT32_MAX; i++)
            sum += llabs(weight->at.whole[o * each + i]) * (BYTE_HIGH - BYTE_LOW);
        need(sum <= INT32_MAX);
    }
}

void set_int(struct step *s)
{
    int real = !strcmp(attribute("to"), "float32");
    const struct tensor *scale = s->in[3];
    need(s->in[0]->small && scale && scale->kind == REAL && scale->constant);
    filter(s, WHOLE, real ? REAL : WHOLE);
    need(scale->count == 1 || scale->count == (size_t)s->in[1]->side[0]);
    numbers("zero_in", &s->zero_in, 1, BYTE_LOW);
    need(s->zero_in <= BYTE_HIGH);
    if (!real) {
        int low, high;
        set_bounds(s);
        numbers("low", &low, 1, s->low);
        numbers("high", &high, 1, s->low);
        need(low <= high && high <= s->high);
        s->low = low;
        s->high = high;
    }
    require_room(s);
    s->room = room(s->in[0]->count + s->out->count, sizeof *s->room);
    s->work = work_int;
}
