/* One line of the graph, made ready to run. */
#ifndef NET_H
#define NET_H

#include "farm.h"

enum { WORDS = 48, MOST_NUMBER = 1 << 20, BYTE_LOW = -128, BYTE_HIGH = 255 };

struct step {
    void (*work)(const struct step *);
    struct tensor *out, *in[INPUTS];
    int inputs, group, axis, all_of_it, zero, zero_in, low, high;
    int kernel[2], stride[2], pad[4], dilation[2], by[2];
    float scale, least, most;
    int32_t *room;                         /* for what is summed over, and behind it for the sums */
};

struct operator { const char *name; int least, most; void (*set)(struct step *); };

/* net.c: of the line that is being read */
extern char *words[WORDS];
extern int word_count;
extern const char *line;
const char *attribute(const char *name);
void numbers(const char *name, int *out, int many, long least);
float real_number(const char *name);
void need(int right);
void shape(struct tensor *out, enum kind kind, int small, int rank, const int *side);

/* sums.c and operators.c: each checks its line, gives its result a shape, and says how it is worked out */
void set_product(struct step *s);
void set_int(struct step *s);
void set_bounds(struct step *s);
void window(struct step *s, enum kind kind, int channels, int small);
const struct operator *operator_named(const char *name);

#endif
