/* What the farm asks for: environment variables FARM_*, which docs/scenarios.md tells; and when frames are due. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "farm.h"

static const double MOST = 2e9;            /* of any number here; of seconds, 63 bits hold twice as many ns */
static const long MOST_FRAMES = 100000000;

static double number(const char *name, double absent)
{
    const char *text = getenv(name);
    char *end;
    double value;
    if (!text)
        return absent;
    value = strtod(text, &end);
    if (end == text || *end || !(fabs(value) <= MOST))
        fail("runtime", "%s: %s is no number", name, text);
    return value;
}

static long whole(const char *name, long absent, long least)
{
    double value = number(name, (double)absent);
    if (value != floor(value) || (getenv(name) && value < (double)least))
        fail("runtime", "%s: %.17g is not a whole number from %ld on", name, value, least);
    return (long)value;
}

void plan_read(struct plan *plan)
{
    const char *late = getenv("FARM_LATE"), *part = getenv("FARM_PART"), *draw = getenv("FARM_DRAW");
    const char *device = getenv("FARM_DEVICE");
    char end;
    plan->paced = getenv("FARM_RATE_HZ") != NULL;
    plan->rate_hz = number("FARM_RATE_HZ", 1);
    plan->duration_s = number("FARM_DURATION_S", 0);
    plan->limit_s = number("FARM_LIMIT_S", 2 * plan->duration_s + 5);
    plan->score_s = number("FARM_SCORE_S", 0);
    plan->quiet_s = number("FARM_QUIET_S", 0.2);
    plan->rest_s = number("FARM_REST_S", 0);
    plan->burst_s = number("FARM_BURST_S", 0);
    plan->min_count = whole("FARM_MIN_COUNT", 1, 1);
    plan->samples_per_query = whole("FARM_SAMPLES_PER_QUERY", 1, 1);
    plan->endless = !plan->paced && !getenv("FARM_SAMPLES_PER_QUERY");   /* one query of all frames */
    plan->image = whole("FARM_IMAGE", -1, 0);
    plan->warmup = whole("FARM_WARMUP", 5, 0);
    plan->poisson = getenv("FARM_SEED") != NULL;
    plan->seed = whole("FARM_SEED", 0, 0);
    plan->drop = late && !strcmp(late, "drop");
    plan->part_begin = 0;
    plan->part_end = -1;                                                 /* all images */
    if (late && !plan->drop && strcmp(late, "queue"))
        fail("runtime", "FARM_LATE: %s is neither queue nor drop", late);
    if (part && (sscanf(part, "[%ld, %ld%c", &plan->part_begin, &plan->part_end, &end) != 3 || end != ']' ||
                 plan->part_begin < 0 || plan->part_end <= plan->part_begin))
        fail("runtime", "FARM_PART: %s is not [begin, end) of some images", part);
    if (draw && !strcmp(draw, "True"))
        fail("runtime", "FARM_DRAW: this runner draws nothing");
    if (device && strcmp(device, "cpu"))
        fail("runtime", "FARM_DEVICE: there is no %s here, only cpu", device);
    if (plan->rate_hz <= 0 || plan->duration_s < 0 || plan->quiet_s < 0 || plan->rest_s < 0 || plan->burst_s < 0)
        fail("runtime", "rate, duration, quiet, rest and burst must not be below 0, and the rate not 0");
}

/* The Mersenne Twister MT19937 of Matsumoto and Nishimura, seeded and read as Python's random.Random(seed) does. */
static uint32_t state[624];
static int used;

static void seed_with(uint32_t low, uint32_t high)
{
    uint32_t key[2];
    int i = 1, j = 0, k, words = high ? 2 : 1;
    key[0] = low;
    key[1] = high;
    state[0] = 19650218;
    for (k = 1; k < 624; k++)
        state[k] = 1812433253u * (state[k - 1] ^ state[k - 1] >> 30) + (uint32_t)k;
    for (k = 0; k < 624 + 623; k++) {
        uint32_t before = state[i - 1] ^ state[i - 1] >> 30;
        if (k < 624) {
            state[i] = (state[i] ^ before * 1664525u) + key[j] + (uint32_t)j;
            j = (j + 1) % words;
        } else
            state[i] = (state[i] ^ before * 1566083941u) - (uint32_t)i;
        if (++i == 624) {
            state[0] = state[623];
            i = 1;
        }
    }
    state[0] = 0x80000000u;
    used = 624;
}

static uint32_t draw_32(void)
{
    uint32_t y;
    int k;
    if (used == 624) {
        for (k = 0; k < 624; k++) {
            y = (state[k] & 0x80000000u) | (state[(k + 1) % 624] & 0x7FFFFFFFu);
            state[k] = state[(k + 397) % 624] ^ y >> 1 ^ (y & 1 ? 0x9908B0DFu : 0);
        }
        used = 0;
    }
    y = state[used++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9D2C5680u;
    y ^= y << 15 & 0xEFC60000u;
    return y ^ y >> 18;
}

static double draw(void)                   /* from 0 up to, and without, 1 */
{
    uint32_t high = draw_32() >> 5, low = draw_32() >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
}

/* When each frame is due after the first: regular, or a Poisson process that ends when both minima are reached. */
ns *plan_arrivals(const struct plan *plan, long *frames)
{
    double most = fmax((double)plan->min_count, rint(plan->rate_hz * plan->duration_s));
    long n = 1, k, space;
    ns *due;
    if (most > (double)MOST_FRAMES || most / plan->rate_hz > MOST)
        fail("runtime", "%.0f frames at %.9g a second are too many", most, plan->rate_hz);
    space = (long)most;
    due = room((size_t)space, sizeof *due);
    if (!plan->poisson) {
        for (k = 0; k < space; k++)
            due[k] = (ns)rint((double)k * 1e9 / plan->rate_hz);
        *frames = space;
        return due;
    }
    seed_with((uint32_t)plan->seed, (uint32_t)((uint64_t)plan->seed >> 32));
    for (; n < plan->min_count || (double)due[n - 1] < plan->duration_s * 1e9; n++) {
        if (n == space) {
            space *= 2;
            if (space > MOST_FRAMES || !(due = realloc(due, (size_t)space * sizeof *due)))
                fail("runtime", "%ld frames are too many", space);
        }
        due[n] = due[n - 1] + (ns)(-log(1.0 - draw()) / plan->rate_hz * 1e9);
    }
    *frames = n;
    return due;
}
