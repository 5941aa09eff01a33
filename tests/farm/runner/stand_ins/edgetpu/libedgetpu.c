/* What edgetpu_c.h lets a program ask, of a machine with two sticks or with none; and a delegate that finds none. */
#include <stddef.h>
#include <stdlib.h>

struct edgetpu_device { int type; const char *path; };
static struct edgetpu_device sticks[] = {{1, "/sys/bus/usb/devices/2-1"}, {1, "/sys/bus/usb/devices/2-2"}};

struct edgetpu_device *edgetpu_list_devices(size_t *count) {
    *count = getenv("NO_STICKS") ? 0 : 2;
    return *count ? sticks : NULL;
}
void edgetpu_free_devices(struct edgetpu_device *devices) { if (devices != sticks) abort(); }
const char *edgetpu_version(void) { return "BuildLabel(COMPILER=6.3.0,DATE=redacted), RuntimeVersion(13)"; }

void *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
    (void)keys; (void)values; (void)count; report("");
    return NULL;
}
void tflite_plugin_destroy_delegate(void *delegate) { (void)delegate; }
