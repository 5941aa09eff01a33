/* The net: read from its graph line by line, and worked out operator by operator. */
#include <stdlib.h>
#include <string.h>

#include "net.h"

static const size_t MOST_COUNT = (size_t)1 << 28;

char *words[WORDS];
int word_count;
const char *line;

static struct tensor *tensors, *given, *wanted;
static struct step *steps;
static int count, step_count;

static struct tensor *find(const char *name)
{
    int i;
    for (i = 0; i < count; i++)
        if (!strcmp(tensors[i].name, name))
            return &tensors[i];
    return NULL;
}

const char *attribute(const char *name)
{
    size_t length = strlen(name);
    int i;
    for (i = 2; i < word_count; i++)
        if (!strncmp(words[i], name, length) && words[i][length] == '=')
            return words[i] + length + 1;
    fail("model", "%s: no %s", line, name);
}

void numbers(const char *name, int *out, int many, long least)
{
    const char *text = attribute(name);
    int i;
    for (i = 0; i < many; i++) {
        char *end;
        long value = strtol(text, &end, 10);
        if (end == text || value < least || value > MOST_NUMBER || *end != (i + 1 < many ? ',' : 0))
            fail("model", "%s: %s is not %d numbers", line, name, many);
        out[i] = (int)value;
        text = end + 1;
    }
}

float real_number(const char *name)
{
    return strtof(attribute(name), NULL);
}

void need(int right)
{
    if (!right)
        fail("model", "%s: its inputs do not go together", line);
}

void shape(struct tensor *out, enum kind kind, int small, int rank, const int *side)
{
    int i;
    need(rank >= 1 && rank <= RANK);
    out->rank = rank;
    out->kind = kind;
    out->small = small;
    out->count = 1;
    for (i = 0; i < rank; i++) {
        need(side[i] >= 1 && side[i] <= MOST_NUMBER && out->count <= MOST_COUNT / (size_t)side[i]);
        out->side[i] = side[i];
        out->count *= (size_t)side[i];
    }
    out->at.any = room(out->count, 4);
}

static void set_input(void)
{
    const char *text = attribute("shape"), *type = attribute("dtype");
    int side[RANK], rank = 1, real = !strcmp(type, "float32");
    for (; *text; text++)
        rank += *text == ',';
    need(rank <= RANK && !given && !find(words[1]) && (real || !strcmp(type, "uint8") || !strcmp(type, "int8")));
    numbers("shape", side, rank, 1);
    given = &tensors[count++];
    strcpy(given->name, words[1]);
    shape(given, real ? REAL : WHOLE, !real, rank, side);
    given->low = *type == 'u' ? 0 : -128;
    given->high = *type == 'u' ? 255 : 127;
}

static void read_line(const char *path)
{
    const struct operator *operator;
    struct step *s = &steps[step_count];
    int i, fixed = 1;
    if (!strcmp(words[0], "input")) {
        set_input();
        return;
    }
    if (!strcmp(words[0], "output")) {
        wanted = find(words[1]);
        need(wanted && !wanted->constant);
        return;
    }
    operator = operator_named(words[0]);
    if (!operator)
        fail("model", "%s: unknown operator %s: this runner is too old", path, words[0]);
    for (i = 2; i < word_count && !strchr(words[i], '='); i++) {
        need(s->inputs < INPUTS);
        s->in[s->inputs] = strcmp(words[i], "-") ? find(words[i]) : NULL;
        if (s->in[s->inputs])
            need(s->in[s->inputs]->kind != TEXT && s->in[s->inputs]->count);
        else
            need(s->inputs == 2 && operator->least > 2);   /* only a bias may be left out */
        fixed &= !s->in[s->inputs] || s->in[s->inputs]->constant;
        s->inputs++;
    }
    need(s->inputs >= operator->least && s->inputs <= operator->most && !find(words[1]));
    s->out = &tensors[count];
    operator->set(s);
    strcpy(s->out->name, words[1]);
    count++;
    if (fixed) {                           /* worked out once, for it never changes */
        s->work(s);
        s->out->constant = 1;
        memset(s, 0, sizeof *s);
    } else
        step_count++;
}

void net_load(const char *path)
{
    struct tensor *arrays, *graph = NULL;
    int many = read_npz(path, &arrays), i;
    size_t k;
    for (i = 0; i < many; i++)
        if (!strcmp(arrays[i].name, "graph") && arrays[i].kind == TEXT && arrays[i].rank == 1)
            graph = &arrays[i];
    if (!graph)
        fail("model", "%s: holds no graph", path);
    tensors = room((size_t)many + graph->count, sizeof *tensors);
    memcpy(tensors, arrays, (size_t)many * sizeof *arrays);
    count = many;
    steps = room(graph->count, sizeof *steps);
    for (k = 0; k < graph->count; k++) {
        char *text = graph->at.text + k * (size_t)graph->side[1], *whole = room(strlen(text) + 1, 1);
        strcpy(whole, text);
        line = whole;
        word_count = 0;
        for (text = strtok(text, " "); text && word_count < WORDS; text = strtok(NULL, " "))
            words[word_count++] = text;
        if (text || word_count < 2 || strlen(words[1]) >= NAME)
            fail("model", "%s: %s: is no line of a graph", path, line);
        read_line(path);
        free(whole);
    }
    line = path;
    need(given && wanted && wanted->count > 0);
}

struct tensor *net_input(void)
{
    return given;
}

const struct tensor *net_run(void)
{
    int i;
    for (i = 0; i < step_count; i++)
        steps[i].work(&steps[i]);
    return wanted;
}
