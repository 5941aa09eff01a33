/* What the parts of the runner share. Whatever is wrong ends in fail(), which tells it and leaves. */
#ifndef FARM_H
#define FARM_H

#include <stddef.h>
#include <stdint.h>

typedef long long ns;                      /* of CLOCK_MONOTONIC, or a length of time */

enum { RANK = 4, NAME = 64, INPUTS = 16 };
enum kind { REAL, WHOLE, TEXT };

struct tensor {
    char name[NAME];
    enum kind kind;
    int rank, side[RANK];
    size_t count;
    int small;                             /* whole numbers of 8 bits: sums of products with them are bounded */
    int low, high;                         /* of the input, where it is whole */
    int constant;
    union { float *real; int32_t *whole; char *text; void *any; } at;
};

struct images {
    int count, height, width, channels;
    const unsigned char *pixel;
    size_t bytes;                          /* of one image */
};

/* files.c */
unsigned char *read_file(const char *path, size_t *size, const char *kind);
int read_npz(const char *path, struct tensor **arrays);
void read_idx(const char *path, struct images *images);
void *room(size_t count, size_t size);

/* net.c */
void net_load(const char *path);
struct tensor *net_input(void);
const struct tensor *net_run(void);

/* plan.c */
struct plan {
    double rate_hz, duration_s, limit_s, score_s, quiet_s, rest_s, burst_s;
    long min_count, samples_per_query, image, part_begin, part_end, warmup;
    int drop, paced, endless, poisson;
    long long seed;
};
void plan_read(struct plan *plan);
ns *plan_arrivals(const struct plan *plan, long *frames);

/* lines.c */
ns now_ns(void);
void sleep_until(ns moment);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void row(const char *format, ...) __attribute__((format(printf, 1, 2)));
void breathe(ns due, int waits);
void flush_rows(const char *event);
void forget_rows(void);
ns lines_spent(void);
int tell_time(void);
void fail(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

#endif
