/* A program that predicts, in no language of the farm's: it tells what any runner tells. Every image is of class 3. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int answer(int right)
{
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        right ? printf("%s %lld\n", line, now_ns()) : printf("%s noon\n", line);
        fflush(stdout);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return answer(!strcmp(argv[1], "clock"));
    long long count = atoll(getenv("FARM_MIN_COUNT")), least_ns = (long long)(atof(getenv("FARM_DURATION_S")) * 1e9);
    FILE *images = argc == 3 ? fopen(argv[2], "rb") : NULL;
    if (!images) {
        puts("{\"event\": \"error\", \"kind\": \"dataset\", \"detail\": \"no images\"}");
        return 3;
    }
    fclose(images);
    puts("{\"event\": \"hello\", \"runtime\": \"all threes 1.0\", "
         "\"columns\": [\"frame\", \"image\", \"arrival_ns\", \"wake_ns\", \"infer_ns\", \"draw_ns\", \"prediction\"]}");
    long long first_ns = now_ns(), frame = 0;
    printf("{\"event\": \"start\", \"first_arrival_ns\": %lld, \"frames\": %lld}\n", first_ns, count);
    printf("{\"event\": \"frames\", \"rows\": [");
    for (long long due_ns = first_ns; frame < count || due_ns - first_ns < least_ns; frame++) {
        long long inferred_ns = due_ns + 1;
        while (inferred_ns - due_ns < 1000000)
            inferred_ns = now_ns();
        printf("%s[%lld, %lld, %lld, %lld, %lld, %lld, 3]", frame ? ", " : "", frame, frame % 40, due_ns, due_ns,
               inferred_ns, now_ns());
        due_ns = now_ns();
    }
    printf("]}\n{\"event\": \"end\", \"frames\": %lld, \"offered\": %lld, \"scored\": 0}\n", frame, frame);
    return 0;
}
