/* A runner without Python: shows a net images as the farm's plan asks, and tells what came of it.
 *
 *     runner MODEL.npz IMAGES.idx [STEP...]
 *     runner clock
 *
 * MODEL.npz is what `farm artifact pack MODEL.onnx --runtime numpy` makes. STEPs are those of the manifest, in their
 * order: upscale-nearest=HxW, scale=FACTOR,OFFSET (or three of each, for colours), channel-order=bgr.
 * The plan stands in the environment, and JSON lines go to standard output: docs/scenarios.md tells both.
 * As a clock it answers each line of its input with that line and the time, of the clock that the frames have. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "farm.h"

enum { ROUNDS = 200, WARM_ROUNDS = 50, AT_MOST = 4, HOPELESS = 3 };
static const double HOPE = 0.1;            /* as in farm/runner/frames.py, where the reasons stand */

struct result { ns acquired, converted, marshalled, inferred, decoded; long class_; double margin; };

static struct images images;
static struct plan plan;
static char **steps;
static int step_count;
static unsigned char *pixels, *seen;
static float *values, *other;
static long done, offered, dropped;
static int complete, nothing;
static ns finish;

/* How long this thread was kept from a processor: farm/runner/processor.py tells how that is known. */
static int schedstat = -1;
static ns done_cpu, cpu, awake, late;
static long switches, queued_before;

static ns cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (ns)t.tv_sec * 1000000000 + t.tv_nsec;
}

static long long queued(void)
{
    char text[128];
    long long on, waiting;
    ssize_t got = schedstat < 0 ? 0 : pread(schedstat, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = 0;
    return sscanf(text, "%lld %lld", &on, &waiting) == 2 && on ? waiting : -1;
}

static long switched(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

static void processor_awake(ns due, ns woken)
{
    cpu = cpu_ns();
    awake = woken;
    late = woken - due - (cpu - done_cpu);
    late = late > 0 ? late : 0;
    queued_before = queued();
    switches = switched();
}

static ns processor_done(ns end, ns *used)   /* waited; -1: the board cannot tell */
{
    ns off;
    done_cpu = cpu_ns();
    *used = done_cpu - cpu;
    off = end - awake - *used;
    off = off > 0 ? off : 0;
    if (switched() != switches) {
        long long now = queued();
        if (now < 0 || queued_before < 0)
            return -1;
        off = off < now - queued_before ? off : now - queued_before;
    }
    return late + off;
}

/* From an image to the net's input. */

static void upscale(int *height, int *width, int rows, int columns)
{
    int y, x, c, channels = images.channels;
    float *to = other;
    for (y = 0; y < rows; y++)
        for (x = 0; x < columns; x++)
            for (c = 0; c < channels; c++)
                *to++ = values[((long)y * *height / rows * *width + (long)x * *width / columns) * channels + c];
    to = values;
    values = other;
    other = to;
    *height = rows;
    *width = columns;
}

static void scale(long count, const float *by, int many)
{
    long i;
    int channels = many == 6 ? 3 : 1;
    for (i = 0; i < count; i++) {
        float value = values[i] * by[i % channels];
        values[i] = value + (many > 1 ? by[channels + i % channels] : 0);
    }
}

static void swap_colours(long count)
{
    long i;
    for (i = 0; i < count; i += 3) {
        float red = values[i];
        values[i] = values[i + 2];
        values[i + 2] = red;
    }
}

/* Does one step; as long as there is no room for values, it only checks, and tells the size behind it. */
static void convert_one(const char *step, int *height, int *width)
{
    float by[6];
    int rows, columns, many, end = 0;
    if (sscanf(step, "upscale-nearest=%dx%d%n", &rows, &columns, &end) == 2 && !step[end]) {
        if (rows < 1 || rows > 8192 || columns < 1 || columns > 8192)
            fail("preprocess", "%s: want 1 to 8192 pixels a side", step);
        if (values)
            upscale(height, width, rows, columns);
        *height = rows;
        *width = columns;
    } else if (!strncmp(step, "scale=", 6)) {
        many = sscanf(step + 6, "%f,%f,%f,%f,%f,%f", by, by + 1, by + 2, by + 3, by + 4, by + 5);
        if (many != 1 && many != 2 && (many != 6 || images.channels != 3))
            fail("preprocess", "%s: want FACTOR or FACTOR,OFFSET, and three of each for colours alone", step);
        if (values)
            scale((long)*height * *width * images.channels, by, many);
    } else if (!strcmp(step, "channel-order=bgr") && images.channels == 3) {
        if (values)
            swap_colours((long)*height * *width * 3);
    } else
        fail("preprocess", "%s: unknown step, or none for these images", step);
}

static void prepare(void)                  /* once: room for the largest, and a check that the last one fits */
{
    int height = images.height, width = images.width, k;
    size_t most = images.bytes;
    for (k = 0; k < step_count; k++) {
        convert_one(steps[k], &height, &width);
        if ((size_t)height * (size_t)width * (size_t)images.channels > most)
            most = (size_t)height * (size_t)width * (size_t)images.channels;
    }
    if (net_input()->count != (size_t)height * (size_t)width * (size_t)images.channels)
        fail("preprocess", "the steps give %d x %d x %d, the model takes %lu numbers", images.channels, height, width,
             (unsigned long)net_input()->count);
    pixels = room(images.bytes, 1);
    values = room(most, sizeof *values);
    other = room(most, sizeof *other);
}

static void marshal(void)                  /* channels first, and whole numbers where the net takes such */
{
    struct tensor *in = net_input();
    size_t plane = in->count / (size_t)images.channels, i;
    float low = in->low, high = in->high;
    for (i = 0; i < in->count; i++) {
        float value = values[i % plane * (size_t)images.channels + i / plane];
        if (in->kind == REAL)
            in->at.real[i] = value;
        else
            in->at.whole[i] = (int32_t)fminf(fmaxf(rintf(value), low), high);
    }
}

static void decode(const struct tensor *scores, struct result *result)
{
    double best = -INFINITY, next = -INFINITY;
    size_t i;
    result->class_ = 0;
    for (i = 0; i < scores->count; i++) {
        double score = scores->kind == REAL ? (double)scores->at.real[i] : scores->at.whole[i];
        if (isnan(score)) {                /* of no class, and so never right */
            result->class_ = -1;
            result->margin = score;
            return;
        }
        if (score > best) {
            next = best;
            best = score;
            result->class_ = (long)i;
        } else if (score > next)
            next = score;
    }
    result->margin = best - next;
}

static struct result timed(long image)
{
    struct result result = { 0, 0, 0, 0, 0, 0, 0 };
    const struct tensor *scores;
    int height = images.height, width = images.width, k;
    size_t i;
    if (nothing) {                         /* looks at the clock alone: what the runner itself takes */
        result.acquired = now_ns(), result.converted = now_ns(), result.marshalled = now_ns();
        result.inferred = now_ns(), result.decoded = now_ns();
        return result;
    }
    memcpy(pixels, images.pixel + (size_t)image * images.bytes, images.bytes);
    result.acquired = now_ns();
    for (i = 0; i < images.bytes; i++)
        values[i] = pixels[i];
    for (k = 0; k < step_count; k++)
        convert_one(steps[k], &height, &width);
    result.converted = now_ns();
    marshal();
    result.marshalled = now_ns();
    scores = net_run();
    result.inferred = now_ns();
    decode(scores, &result);
    result.decoded = now_ns();
    return result;
}

static const char *number_or_null(char *text, size_t size, const char *format, double value, int known)
{
    snprintf(text, size, format, value);
    return known ? text : "null";
}

static void work(long frame, long image, ns arrival, ns wake, int closed)
{
    char margin[40], waited[40];
    struct result r;
    ns used, waiting;
    /* in a closed loop nothing was due while the runner saw to itself */
    processor_awake(closed || arrival > finish ? (closed ? wake : arrival) : finish, wake);
    r = timed(image);
    finish = r.decoded;
    waiting = processor_done(finish, &used);
    row("%ld,%ld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%ld,%lld,%s,%s", frame, image, arrival, wake, r.acquired,
        r.converted, r.marshalled, r.inferred, r.decoded, r.class_, used,
        number_or_null(waited, sizeof waited, "%.0f", (double)waiting, waiting >= 0),
        number_or_null(margin, sizeof margin, "%.9g", r.margin, isfinite(r.margin)));
    done++;
    seen[image] = 1;
}

static long image_of(long frame)
{
    return plan.image >= 0 ? plan.image : plan.part_begin + frame % (plan.part_end - plan.part_begin);
}

static int by_size(const void *a, const void *b)
{
    ns x = *(const ns *)a, y = *(const ns *)b;
    return (x > y) - (x < y);
}

static void hello(void)
{
    static ns whole[ROUNDS], latency[ROUNDS];
    struct utsname machine;
    int round;
    nothing = 1;
    for (round = -WARM_ROUNDS; round < ROUNDS; round++) {
        ns begun = now_ns();
        work(0, image_of(0), begun, now_ns(), 0);
        if (round >= 0) {
            whole[round] = now_ns() - begun;
            latency[round] = finish - begun;
        }
    }
    nothing = 0;
    forget_rows();
    memset(seen, 0, (size_t)images.count);
    done = 0;
    finish = 0;
    qsort(whole, ROUNDS, sizeof *whole, by_size);
    qsort(latency, ROUNDS, sizeof *latency, by_size);
    uname(&machine);
    say("{\"event\": \"hello\", \"runtime\": \"C reference 1\", \"device\": \"cpu\", \"machine\": \"%s\", "
        "\"clock\": \"CLOCK_MONOTONIC\", \"images\": %d, \"overhead\": {\"rounds\": %d, \"frame_ns\": %lld, "
        "\"latency_ns\": %lld}, \"columns\": [\"frame\", \"image\", \"arrival_ns\", \"wake_ns\", \"acquire_ns\", "
        "\"convert_ns\", \"marshal_ns\", \"infer_ns\", \"decode_ns\", \"prediction\", \"cpu_ns\", \"waited_ns\", "
        "\"margin\"]}", machine.machine, images.count, ROUNDS, whole[ROUNDS / 2], latency[ROUNDS / 2]);
}

static ns seconds(double s)
{
    return (ns)(s * 1e9);
}

static void burst(ns idle_since)           /* frames without a pause: every meter of the board must show them */
{
    char waited[40];
    ns start, end, waiting = 0, used;
    long n = 0;
    if (seconds(plan.burst_s) == 0)
        return;
    sleep_until(idle_since + seconds(plan.quiet_s));
    start = end = now_ns();
    processor_awake(start, start);
    while (end - start - (waiting > 0 ? waiting : 0) < seconds(plan.burst_s) &&
           end - start < AT_MOST * seconds(plan.burst_s)) {
        timed(image_of(n++));
        end = now_ns();
        waiting = processor_done(end, &used);
    }
    say("{\"event\": \"burst\", \"start_ns\": %lld, \"end_ns\": %lld, \"frames\": %ld, \"waited_ns\": %s}", start, end,
        n, number_or_null(waited, sizeof waited, "%.0f", (double)waiting, waiting >= 0));
}

/* Frames when they are due; returns when the last one's time ends. */
static ns offer(const ns *after, long frames, ns first, ns limit)
{
    long k;
    offered = frames;
    complete = 1;
    for (k = 0; k < frames; k++) {
        ns due = first + after[k], wake;
        if (plan.drop && finish > due) {
            dropped++;
            continue;
        }
        breathe(due, 0);
        sleep_until(due);
        wake = now_ns();
        if (wake > limit) {
            complete = 0;
            break;
        }
        work(k, image_of(k), due, wake, 0);
    }
    k = done + dropped;
    return first + (k < frames ? after[k] : after[frames - 1] + (plan.poisson ? 0 : (ns)(1e9 / plan.rate_hz)));
}

/* A query begins when the one before is done; an endless one has all frames. */
static void loop(ns limit)
{
    ns end = 0, arrival = 0, wake;
    long queries = 0, k;
    for (;;) {
        if (!plan.endless)
            breathe(0, 1);
        wake = now_ns();
        if (!plan.endless || !end)
            arrival = wake;
        if (!end)
            end = arrival + seconds(plan.duration_s);
        complete = queries >= plan.min_count && (plan.endless ? wake : finish) >= end;
        if (complete || wake > limit)
            break;
        for (k = 0; k < (plan.endless ? 1 : plan.samples_per_query); k++, wake = now_ns())
            work(done, image_of(done), arrival, wake, 1);
        if (plan.endless)
            breathe(finish, 0);
        queries++;
    }
    offered = done;
}

static long unpaced(void)                  /* every image that no frame has shown, as fast as it goes */
{
    ns limit = seconds(plan.score_s), begun = now_ns(), told = begun;
    long image, left = 0, scored = 0;
    for (image = plan.part_begin; image < plan.part_end; image++)
        left += !seen[image];
    for (image = plan.part_begin; image < plan.part_end; image++) {
        char margin[40];
        struct result r;
        ns now = now_ns(), taken = now - begun;
        if (seen[image])
            continue;
        if (taken > limit || ((double)taken > HOPE * (double)limit &&
                              (double)taken * (double)left > HOPELESS * (double)limit * (double)scored))
            break;
        r = timed(image);
        row("%ld,%ld,%s", image, r.class_, number_or_null(margin, sizeof margin, "%.9g", r.margin, isfinite(r.margin)));
        scored++;
        if (now - told > 1000000000) {
            flush_rows("scored");
            told = now;
        }
    }
    flush_rows("scored");
    return scored;
}

int main(int argc, char **argv)
{
    ns *after = NULL, first, last = 0, quiet, writing;
    long frames, scored, k;
    if (argc == 2 && !strcmp(argv[1], "clock"))
        return tell_time();
    if (argc < 3)
        fail("runtime", "want MODEL.npz IMAGES.idx [STEP...], or clock");
    plan_read(&plan);
    net_load(argv[1]);
    read_idx(argv[2], &images);
    steps = argv + 3;
    step_count = argc - 3;
    prepare();
    if (plan.part_end < 0)
        plan.part_end = images.count;
    if (plan.part_end > images.count || plan.image >= images.count)
        fail("dataset", "part or image: the data set has %d images", images.count);
    seen = room((size_t)images.count, 1);
    schedstat = open("/proc/thread-self/schedstat", O_RDONLY);
    if (schedstat < 0)
        schedstat = open("/proc/self/schedstat", O_RDONLY);
    hello();
    for (k = 0; k < plan.warmup; k++)
        timed(image_of(k));
    burst(now_ns());
    if (plan.paced)
        after = plan_arrivals(&plan, &frames);
    else
        frames = plan.min_count * (plan.endless ? 1 : plan.samples_per_query);
    quiet = seconds(plan.quiet_s);
    first = now_ns() + (quiet > seconds(plan.rest_s) ? quiet : seconds(plan.rest_s));
    say("{\"event\": \"start\", \"first_arrival_ns\": %lld, \"frames\": %ld}", first, frames);
    if (plan.paced)
        last = offer(after, frames, first, first + seconds(plan.limit_s));
    else {
        sleep_until(first);
        loop(first + seconds(plan.limit_s));
    }
    burst(now_ns() > last ? now_ns() : last);
    sleep_until((now_ns() > last ? now_ns() : last) + quiet);
    writing = lines_spent();
    flush_rows("frames");
    scored = unpaced();
    say("{\"event\": \"end\", \"frames\": %ld, \"scored\": %ld, \"offered\": %ld, \"dropped\": %ld, \"complete\": %s, "
        "\"writing_ns\": %lld}", done, scored, offered, dropped, complete ? "true" : "false", writing);
    return 0;
}
