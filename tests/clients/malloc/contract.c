/* SPDX-License-Identifier: MIT
 *
 * contract.c: what C, POSIX and glibc promise of malloc, asked of whichever malloc the process has. test_malloc.sh runs it
 * with libmidden-malloc.so in front.
 *
 *     contract           every case, as TAP           contract CASE    one misuse, for the script to look at stderr
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int count, failed;
static void *volatile sink;
static volatile size_t huge[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 4096, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX};

#define N_HUGE (sizeof huge / sizeof *huge)

static void result(const char *what, int good)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
    failed |= !good;
}

static int zero(const unsigned char *p, size_t n)
{
    while (n != 0 && *p == 0)
        p++, n--;
    return n == 0;
}

/* ---- before main, and after it */

static void *early;

__attribute__((constructor(101))) static void before_all(void)
{
    early = malloc(100);
    early = realloc(early, 5000);
}

static void at_the_end(void)
{
    void *p = malloc(1000);
    free(early);
    free(p);
}

/* ---- errno, zero and huge sizes */

static void sizes(void)
{
    int good = 1;
    for (size_t i = 0; i < N_HUGE; i++) {
        errno = 0;
        good &= malloc(huge[i]) == NULL && errno == ENOMEM;
        errno = 0;
        good &= calloc(1, huge[i]) == NULL && errno == ENOMEM;
        errno = 0;
        good &= calloc(huge[i], 3) == NULL && errno == ENOMEM;
        errno = 0;
        good &= aligned_alloc(64, huge[i]) == NULL && errno == ENOMEM;
        errno = 0;
        good &= memalign(4096, huge[i]) == NULL && errno == ENOMEM;
        errno = 0;
        good &= valloc(huge[i]) == NULL && errno == ENOMEM;
        errno = 0;
        good &= pvalloc(huge[i]) == NULL && errno == ENOMEM;
        char *p = malloc(10), *volatile same = p; /* the compiler believes that a call of realloc ends p */
        memcpy(p, "unchanged", 10);
        errno = 0;
        sink = realloc(p, huge[i]);
        good &= sink == NULL && errno == ENOMEM && strcmp(same, "unchanged") == 0;
        errno = 0;
        sink = reallocarray(same, huge[i], 2);
        good &= sink == NULL && errno == ENOMEM && strcmp(same, "unchanged") == 0;
        free(same);
        void *out = &out;
        errno = 0;
        good &= posix_memalign(&out, 64, huge[i]) == ENOMEM && errno == 0 && out == &out;
    }
    result("sizes near SIZE_MAX fail with ENOMEM and change nothing", good);

    void *a = malloc(0), *b = malloc(0), *c = calloc(0, 7), *d = realloc(NULL, 0);
    result("size 0 gives pointers of their own", a && b && c && d && a != b && b != c && c != d);
    free(a), free(b), free(c);
    errno = 0;
    result("realloc(p, 0) releases", realloc(d, 0) == NULL && errno == 0);
    errno = 77;
    free(NULL);
    for (size_t n = 1; n < (8 << 20); n = n * 3 + 1) {
        void *p = malloc(n);
        free(p);
        p = calloc(1, n);
        p = realloc(p, n * 2);
        p = realloc(p, n / 2 + 1);
        free(p);
    }
    result("errno stays as it was when all goes well", errno == 77);
}

static void alignments(void)
{
    int good = 1;
    for (size_t n = 0; n < 20000; n += n / 16 + 1) {
        void *p = malloc(n), *q = calloc(1, n);
        q = realloc(q, n + 100);
        good &= (uintptr_t)p % 16 == 0 && (uintptr_t)q % 16 == 0;
        free(p), free(q);
    }
    result("every buffer is aligned to 16", good);
    good = 1;
    for (size_t align = sizeof(void *); align <= (size_t)4 << 20; align *= 2)
        for (size_t n = 0; n < 100000; n = n * 7 + 1) {
            void *p = NULL;
            int status = posix_memalign(&p, align, n);
            void *q = aligned_alloc(align, n), *r = memalign(align, n);
            good &= status == 0 && p && q && r && ((uintptr_t)p | (uintptr_t)q | (uintptr_t)r) % align == 0;
            good &= malloc_usable_size(p) >= n && malloc_usable_size(q) >= n && malloc_usable_size(r) >= n;
            memset(p, 1, n), memset(q, 2, n), memset(r, 3, n);
            q = realloc(q, n + 1000);
            good &= n == 0 || *(char *)q == 2;
            free(p), free(q), free(r);
        }
    result("alignments from 8 to 4 MiB", good);
    void *p = valloc(10), *q = pvalloc(10), *r = memalign(3000, 10);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    result("valloc, pvalloc and memalign of no power of two",
           (uintptr_t)p % page == 0 && (uintptr_t)q % page == 0 && malloc_usable_size(q) >= page &&
               (uintptr_t)r % 4096 == 0);
    free(p), free(q), free(r);
    void *out = NULL;
    good = posix_memalign(&out, 24, 8) == EINVAL && posix_memalign(&out, 4, 8) == EINVAL &&
           posix_memalign(&out, 0, 8) == EINVAL && out == NULL;
    errno = 0;
    good &= aligned_alloc(24, 8) == NULL && errno == EINVAL;
    result("bad alignments give EINVAL", good);
}

static void contents(void)
{
    int good = 1;
    for (size_t n = 1; n < (6 << 20); n = n * 2 + 13) {
        unsigned char *p = malloc(n);
        memset(p, 0xee, malloc_usable_size(p)); /* all of it may be written to */
        free(p);
        p = calloc(n, 1);
        good &= zero(p, n);
        memset(p, 0xdd, n);
        free(p);
        p = calloc(1, n);
        good &= zero(p, n);
        free(p);
    }
    result("calloc gives zeroes, also where others have written", good);
    good = 1;
    unsigned char *p = NULL;
    size_t have = 0;
    for (size_t n = 1; n < (20 << 20); n = n * 5 / 4 + 1) {
        p = realloc(p, n);
        for (size_t i = have; i < n; i++)
            p[i] = (unsigned char)(i * 31 >> 3);
        have = n;
    }
    for (size_t n = have; n > 0; n = n * 2 / 3) {
        p = reallocarray(p, n, 1);
        for (size_t i = 0; i < n; i += 1 + n / 1000)
            good &= p[i] == (unsigned char)(i * 31 >> 3);
    }
    free(p);
    result("realloc keeps the content, up and down", good);
}

/* ---- threads */

static pthread_key_t early_key, late_key;

static void free_late(void *p)
{
    free(p);
    free(malloc(50));
}

static void *churn(void *seed)
{
    unsigned random = (unsigned)(uintptr_t)seed * 2654435761u + 1;
    void *held[64] = {0};
    pthread_setspecific(early_key, malloc(100));
    pthread_setspecific(late_key, malloc(5000));
    for (int i = 0; i < 3000; i++) {
        random = random * 1664525u + 1013904223u;
        size_t at = random >> 26, n = (random >> 8) % 3000;
        if (held[at] != NULL && *(unsigned char *)held[at] != at)
            return "damaged";
        free(held[at]);
        held[at] = i % 3 == 0 ? calloc(1, n + 1) : malloc(n + 1);
        memset(held[at], (int)at, n + 1);
    }
    for (int i = 0; i < 64; i++)
        free(held[i]);
    return NULL;
}

static void threads(void)
{
    int good = 1;
    pthread_key_create(&early_key, free_late);
    pthread_key_create(&late_key, free_late);
    for (size_t round = 0; round < 40; round++) {
        pthread_t thread[8];
        for (size_t i = 0; i < 8; i++)
            good &= pthread_create(&thread[i], NULL, churn, (void *)(round * 8 + i)) == 0;
        for (size_t i = 0; i < 8; i++) {
            void *what;
            pthread_join(thread[i], &what);
            good &= what == NULL;
        }
    }
    result("320 threads come and go, and their destructors release", good);
}

static volatile int stop;

static void *keep_busy(void *unused)
{
    while (!stop)
        free(realloc(malloc(100), 5000));
    return unused;
}

static void handler_that_allocates(void)
{
    free(malloc(300));
}

static void forks(void)
{
    pthread_t thread[3];
    int good = 1;
    pthread_atfork(handler_that_allocates, handler_that_allocates, handler_that_allocates);
    for (int i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, keep_busy, NULL);
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            char *all[500];
            for (size_t n = 0; n < 500; n++)
                memset(all[n] = malloc(n * 20 + 1), 1, n * 20 + 1);
            for (size_t n = 0; n < 500; n++)
                free(all[n]);
            pthread_t own;
            void *what = NULL;
            if (pthread_create(&own, NULL, churn, NULL) != 0 || pthread_join(own, &what) != 0)
                _exit(1);
            _exit(what != NULL);
        }
        int status = -1;
        waitpid(child, &status, 0);
        good &= status == 0;
    }
    stop = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    result("50 forks while three threads allocate, with handlers that allocate", good);
}

static void figures(void)
{
    void *p = malloc(3 << 20);
    struct mallinfo2 before = mallinfo2();
    void *q = malloc(3 << 20);
    struct mallinfo2 after = mallinfo2();
    struct mallinfo narrow = mallinfo();
    result("mallinfo2 sees 3 MiB more in use", after.uordblks >= before.uordblks + (3 << 20) &&
                                                    after.hblkhd >= before.hblkhd + (3 << 20) && after.hblks > before.hblks);
    result("mallinfo says the same", (size_t)narrow.uordblks / 4096 == after.uordblks / 4096);
    free(p), free(q);
    malloc_trim(0);
    result("mallopt knows what glibc knows", mallopt(M_ARENA_MAX, 1) == 1 && mallopt(-1000, 1) == 0);
    static char text[100000];
    FILE *stream = fmemopen(text, sizeof text, "w");
    int status = malloc_info(0, stream);
    fclose(stream);
    result("malloc_info writes an element", status == 0 && strstr(text, "</malloc>") != NULL);
}

static int misuse(const char *name)
{
    static char outside[64];
    char *p = malloc(100);
    if (strcmp(name, "foreign") == 0)
        sink = outside + 16, free(sink);
    else if (strcmp(name, "inside") == 0)
        sink = p + 16, free(sink);
    else if (strcmp(name, "double") == 0)
        sink = p, free(p), free(sink);
    else if (strcmp(name, "overrun") == 0)
        sink = p, ((char *)sink)[100] = 'x', free(sink);
    else if (strcmp(name, "late") == 0) {
        sink = p, free(p), ((volatile char *)sink)[50] = 'x';
        for (int i = 0; i < 100; i++)
            early = malloc(100);
    } else if (strcmp(name, "limit") == 0) {
        size_t n = 0;
        while (malloc(60000) != NULL)
            n++;
        printf("%zu\n", n);
        return errno != ENOMEM;
    }
    puts("goes on");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return misuse(argv[1]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    atexit(at_the_end);
    result("a constructor may allocate", early != NULL);
    sizes();
    alignments();
    contents();
    threads();
    forks();
    figures();
    printf("1..%d\n", count);
    return failed;
}
