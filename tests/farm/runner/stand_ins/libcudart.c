/* A GPU's memory that is this machine's own: the few functions of the CUDA runtime that are called, as strict. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static struct { char *begin; size_t size; } blocks[16];
static int used, opened = -1, stream_of_ours;

static int inside(const void *at, size_t size) {
    for (int i = 0; i < used; i++)
        if ((const char *)at >= blocks[i].begin && (const char *)at + size <= blocks[i].begin + blocks[i].size) return 1;
    return 0;
}
int cudaSetDevice(int device) { if (device > 0) return 101; opened = device; return 0; }
int cudaStreamCreate(void **stream) { *stream = &stream_of_ours; return opened ? 201 : 0; }
int cudaStreamSynchronize(void *stream) { return stream == &stream_of_ours ? 0 : 400; }
int cudaMalloc(void **at, size_t size) {
    if (used == 16 || size > 1 << 20) return 2;
    blocks[used].begin = *at = malloc(size); blocks[used++].size = size;
    return 0;
}
int cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, void *stream) {
    if (stream != &stream_of_ours) return 400;
    if (kind == 1 ? !inside(to, size) || inside(from, 1) : kind == 2 ? !inside(from, size) || inside(to, 1) : 1) return 1;
    memcpy(to, from, size);
    return 0;
}
int cudaDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? 6 : 2;
    return device || (attribute != 75 && attribute != 76);
}
const char *cudaGetErrorString(int error) {
    return error == 101 ? "invalid device ordinal" : error == 2 ? "out of memory" : "invalid argument";
}
