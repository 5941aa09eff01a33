/* What the runner tells: JSON lines on standard output, in batches, and never while a frame waits. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "farm.h"

enum { PIECE = 4096 };                     /* a pipe that polls writable takes this much (PIPE_BUF on Linux) */
static const ns BATCH = 500000000;         /* two lines a second keep whoever listens awake */
static const ns SLACK = 3000000;           /* assumed: writing half a second of frames takes less than 1 ms */
static const ns LATEST = 5000000000LL;     /* behind and without slack, it writes all the same: it lives */

struct text { char *data; size_t length, space; };
static struct text rows, pending;
static ns written, spent;

ns now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (ns)t.tv_sec * 1000000000 + t.tv_nsec;
}

void sleep_until(ns moment)
{
    struct timespec t;
    t.tv_sec = (time_t)(moment / 1000000000);
    t.tv_nsec = (long)(moment % 1000000000);
    while (moment > now_ns() && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

static void add(struct text *text, const char *format, va_list values)
{
    va_list again;
    int length;
    va_copy(again, values);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (text->length + (size_t)length + 1 > text->space) {
        text->space = 2 * text->space + (size_t)length + PIECE;
        text->data = realloc(text->data, text->space);
        if (!text->data)
            _exit(3);                      /* without memory there is nothing to say it with */
    }
    vsnprintf(text->data + text->length, (size_t)length + 1, format, values);
    text->length += (size_t)length;
}

static void append(struct text *text, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    add(text, format, values);
    va_end(values);
}

static void push(int patience_ms)          /* -1: for ever */
{
    while (pending.length) {
        struct pollfd out = { STDOUT_FILENO, POLLOUT, 0 };
        ssize_t wrote;
        if (poll(&out, 1, patience_ms) <= 0 && patience_ms >= 0)
            return;
        wrote = write(STDOUT_FILENO, pending.data, pending.length < PIECE ? pending.length : PIECE);
        if (wrote < 0 && errno != EINTR && errno != EAGAIN) {
            perror("standard output");     /* whoever listened has gone, or the disk is full */
            _exit(3);
        }
        if (wrote > 0) {
            pending.length -= (size_t)wrote;
            memmove(pending.data, pending.data + wrote, pending.length);
        }
    }
}

void say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    add(&pending, format, values);
    va_end(values);
    append(&pending, "\n");
    push(-1);
}

void row(const char *format, ...)
{
    va_list values;
    append(&rows, rows.length ? ",[" : "[");
    va_start(values, format);
    add(&rows, format, values);
    va_end(values);
    append(&rows, "]");
}

static void gather(const char *event)
{
    if (rows.length)
        append(&pending, "{\"event\":\"%s\",\"rows\":[%s]}\n", event, rows.data);
    rows.length = 0;
}

void breathe(ns due, int waits)            /* writes, if the next frame is far enough away, or waits for this */
{
    ns now = now_ns(), age = now - written;
    if (age < BATCH || (!waits && due - now < SLACK && age < LATEST))
        return;
    gather("frames");
    written = now;
    push(0);
    spent += now_ns() - now;
}

void flush_rows(const char *event)
{
    gather(event);
    push(-1);
    written = now_ns();
}

void forget_rows(void)
{
    rows.length = 0;
}

ns lines_spent(void)
{
    return spent;
}

int tell_time(void)                        /* to whoever asks, line by line, as soon as a line is whole */
{
    char piece[PIECE];
    while (fgets(piece, sizeof piece, stdin)) {
        char *end = strchr(piece, '\n');
        if (end)
            *end = 0;
        fputs(piece, stdout);
        if (end && (printf(" %lld\n", now_ns()) < 0 || fflush(stdout)))
            return 3;                      /* nobody listens */
    }
    return 0;
}

void fail(const char *kind, const char *format, ...)
{
    char detail[400], plain[2 * sizeof detail];
    va_list values;
    size_t i, n = 0;
    va_start(values, format);
    vsnprintf(detail, sizeof detail, format, values);
    va_end(values);
    for (i = 0; detail[i]; i++) {
        unsigned char one = (unsigned char)detail[i];
        if (one == '"' || one == '\\')
            plain[n++] = '\\';
        plain[n++] = one < 32 || one > 126 ? '?' : (char)one;
    }
    plain[n] = 0;
    say("{\"event\": \"error\", \"kind\": \"%s\", \"detail\": \"%s\"}", kind, plain);
    exit(3);
}
