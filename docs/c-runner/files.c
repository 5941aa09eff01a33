/* The model's arrays out of a .npz that was stored without compression, and the images out of an IDX file.
 * Little-endian machines only, as all boards of the farm are. Nothing is believed: every length is checked first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "farm.h"

enum { MOST_SIDE = 1 << 20, MOST_ARRAYS = 4096, HEADER = 1024 };
enum { MOST_PIXELS = 1 << 17 };            /* of an image's side: times the 8192 of an enlarged one, 31 bits hold it */
static const size_t MOST_COUNT = (size_t)1 << 28;

void *room(size_t count, size_t size)
{
    void *got = calloc(count ? count : 1, size);
    if (!got)
        fail("model", "no memory for %lu times %lu bytes", (unsigned long)count, (unsigned long)size);
    return got;
}

unsigned char *read_file(const char *path, size_t *size, const char *kind)
{
    FILE *file = fopen(path, "rb");
    long end;
    unsigned char *data;
    if (!file || fseek(file, 0, SEEK_END) || (end = ftell(file)) < 0 || fseek(file, 0, SEEK_SET))
        fail(kind, "%s: cannot be read", path);
    data = room((size_t)end + 1, 1);
    if (fread(data, 1, (size_t)end, file) != (size_t)end)
        fail(kind, "%s: cannot be read to its end", path);
    fclose(file);
    *size = (size_t)end;
    return data;
}

static unsigned long number(const unsigned char *at, int bytes)
{
    unsigned long value = 0;
    while (bytes--)
        value = value << 8 | at[bytes];
    return value;
}

/* One array: its type and shape stand in a Python dictionary, in numpy's own spelling. */
static void read_npy(const char *path, struct tensor *array, const unsigned char *data, size_t size)
{
    char head[HEADER], type[8] = "";
    const char *shape, *descr;
    size_t begin, width, i;
    if (size < 12 || memcmp(data, "\x93NUMPY", 6))
        fail("model", "%s: %s is no array", path, array->name);
    begin = data[6] == 1 ? 10 : 12;
    width = number(data + 8, data[6] == 1 ? 2 : 4);
    if (width >= sizeof head || begin + width > size)
        fail("model", "%s: %s: a header of %lu bytes", path, array->name, (unsigned long)width);
    memcpy(head, data + begin, width);
    head[width] = 0;
    descr = strstr(head, "'descr':");
    shape = strstr(head, "'shape':");
    if (!descr || sscanf(descr + 8, " '%7[^']'", type) != 1 || !shape || !(shape = strchr(shape, '(')))
        fail("model", "%s: %s: a header that tells no type and shape", path, array->name);
    array->count = 1;
    for (shape++; *shape && *shape != ')'; ) {
        char *after;
        long side = strtol(shape, &after, 10);
        if (after == shape || side < 0 || side > MOST_SIDE || array->rank == RANK)
            fail("model", "%s: %s: a shape that is none", path, array->name);
        array->side[array->rank++] = (int)side;
        array->count *= (size_t)side;
        if (array->count > MOST_COUNT)
            fail("model", "%s: %s: is too large", path, array->name);
        for (shape = after; *shape == ',' || *shape == ' '; shape++)
            ;
    }
    if (strstr(head, "'fortran_order': True") && array->rank > 1)
        fail("model", "%s: %s: is in Fortran's order", path, array->name);
    data += begin + width;
    size -= begin + width;
    if (type[1] != 'S' && strcmp(type, "<f4") && strcmp(type, "|u1") && strcmp(type, "|i1") && strcmp(type, "<i2") &&
        strcmp(type, "<i4"))
        fail("model", "%s: %s: type %s", path, array->name, type);
    width = (size_t)atol(type + 2);
    if (!width || width > MOST_SIDE || size != array->count * width)
        fail("model", "%s: %s: %lu bytes are not what its shape says", path, array->name, (unsigned long)size);
    array->constant = 1;
    array->kind = type[1] == 'S' ? TEXT : !strcmp(type, "<f4") ? REAL : WHOLE;
    if (array->kind == TEXT) {             /* lines of one length each: a last zero ends every one */
        array->at.text = room(array->count, width + 1);
        for (i = 0; i < array->count; i++)
            memcpy(array->at.text + i * (width + 1), data + i * width, width);
        array->side[1] = (int)width + 1;
        return;
    }
    array->at.any = room(array->count, 4);
    array->small = width == 1;
    if (array->kind == REAL) {
        memcpy(array->at.real, data, size);
        return;
    }
    for (i = 0; i < array->count; i++) {
        unsigned long value = number(data + i * width, (int)width);
        if (!strcmp(type, "|i1"))
            array->at.whole[i] = (int8_t)value;
        else if (!strcmp(type, "<i2"))
            array->at.whole[i] = (int16_t)value;
        else
            array->at.whole[i] = (int32_t)value;
    }
}

/* A zip archive is a row of members, each with a header before it. numpy writes sizes of 64 bits behind the name. */
int read_npz(const char *path, struct tensor **arrays)
{
    size_t size, at = 0;
    unsigned char *data = read_file(path, &size, "model");
    int count = 0;
    *arrays = room(MOST_ARRAYS, sizeof **arrays);
    while (size - at >= 30 && !memcmp(data + at, "PK\3\4", 4)) {
        const unsigned char *head = data + at;
        size_t name = number(head + 26, 2), extra = number(head + 28, 2), begin = at + 30 + name + extra;
        const unsigned char *wide = head + 30 + name;
        unsigned long bytes = number(head + 18, 4);
        if (number(head + 8, 2) || number(head + 6, 2) & 8)
            fail("model", "%s: is compressed or was streamed; want numpy.savez", path);
        if (begin > size)
            fail("model", "%s: ends inside a header", path);
        if (bytes == 0xFFFFFFFFUL && extra >= 20 && number(wide, 2) == 1)
            bytes = number(wide + 16, 4) ? size : number(wide + 12, 4);   /* past 4 GiB: more than there are */
        if (bytes > size - begin || count == MOST_ARRAYS)
            fail("model", "%s: ends inside an array", path);
        if (name < 5 || name - 4 >= NAME || memcmp(head + 30 + name - 4, ".npy", 4))
            fail("model", "%s: holds what is no array, or has too long a name", path);
        memcpy((*arrays)[count].name, head + 30, name - 4);
        read_npy(path, &(*arrays)[count++], data + begin, bytes);
        at = begin + bytes;
    }
    if (!count)
        fail("model", "%s: no .npz file", path);
    free(data);
    return count;
}

static long side(const unsigned char *at)
{
    unsigned long value = (unsigned long)at[0] << 24 | (unsigned long)at[1] << 16 | (unsigned long)at[2] << 8 | at[3];
    return value && value <= MOST_SIDE ? (long)value : -1;
}

void read_idx(const char *path, struct images *images)
{
    size_t size, rank;
    unsigned char *data = read_file(path, &size, "dataset");
    double wanted;
    rank = size >= 16 ? data[3] : 0;
    if (size < 16 || memcmp(data, "\0\0\x08", 3) || (rank != 3 && rank != 4) || size < 4 + 4 * rank)
        fail("dataset", "%s: is no IDX file of images", path);
    images->count = (int)side(data + 4);
    images->height = (int)side(data + 8);
    images->width = (int)side(data + 12);
    images->channels = rank == 4 ? (int)side(data + 16) : 1;
    wanted = (double)images->height * images->width * images->channels;
    if (images->count < 1 || images->height < 1 || images->width < 1 || (rank == 4 && images->channels != 3) ||
        images->height > MOST_PIXELS || images->width > MOST_PIXELS ||
        wanted * images->count != (double)(size - 4 - 4 * rank))
        fail("dataset", "%s: its header and its %lu bytes do not agree", path, (unsigned long)size);
    images->bytes = (size_t)wanted;
    images->pixel = data + 4 + 4 * rank;
}
