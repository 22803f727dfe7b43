/* SPDX-License-Identifier: MIT
 *
 * start.c: how the process' pool comes to be, what MIDDEN_MALLOC asks of it, and what is said at the end.
 *
 *     first malloc  ->  pool made by that thread, others wait  ->  lives until the process is gone
 *
 * The first call comes before constructors run, out of the loader or of libc's own start. What is used here works there:
 * mmap, mutexes that were initialised statically, pthread_key_create and pthread_atfork, whose first few dozen entries
 * need no memory. Our fork handlers are thereby the first ones registered: they lock last before a fork and unlock first
 * after it, so that the handlers of others may allocate.
 *
 * I1  Nothing here or below calls malloc; if a libc function does in spite of that, the call fails, and does not recurse
 *     (making). Reports are formatted on the stack and written with write(2).
 * I2  The pool is never destroyed: other threads, destructors and handlers of exit allocate to the last.
 *
 * MIDDEN_MALLOC is a comma-separated list: checked, abort (at the first misuse), stats (as JSON on stderr, at exit),
 * limit=BYTES (with K, M, G). It is not read by programs that run with raised privileges; an unknown word is named on stderr and then
 * does nothing, since a program must start.
 */
#include "start.h"

#include <midden/internal/sys.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Atomic(struct mid_pool *) mid__process_pool;
static _Atomic(bool) being_made;
static _Thread_local bool making;
static bool abort_at_misuse, stats_at_exit;

static void say(const char *text, size_t bytes)
{
    int saved = errno;
    while (bytes != 0) {
        ssize_t n = write(STDERR_FILENO, text, bytes);
        if (n <= 0)
            break;
        text += n;
        bytes -= (size_t)n;
    }
    errno = saved;
}

static void say_broken(void *user, const struct mid_broken *broken)
{
    (void)user;
    char line[400];
    int n = snprintf(line, sizeof line, "midden-malloc: %s: %s\n", broken->rule, broken->detail);
    say(line, n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
    if (abort_at_misuse)
        abort();
}

static bool is_word(const char *word, size_t bytes, const char *name)
{
    return strlen(name) == bytes && memcmp(word, name, bytes) == 0;
}

/* A number of bytes, with K, M or G behind it or nothing. Not a number, too large or 0: `value` stays as it is. */
static bool read_bytes(const char *text, size_t length, size_t *value)
{
    static const char units[] = "KMG";
    const char *unit = length != 0 ? strchr(units, text[length - 1]) : NULL;
    size_t n = 0, digits = length - (unit != NULL);
    for (size_t i = 0; i < digits; i++)
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (size_t)(text[i] - '0'), &n))
            return false;
    if (n == 0 || (unit != NULL && __builtin_mul_overflow(n, (size_t)1024 << 10 * (unit - units), &n)))
        return false;
    *value = n;
    return true;
}

static bool read_word(const char *word, size_t bytes, struct mid_pool_options *options)
{
    static const char limit[] = "limit=";
    if (is_word(word, bytes, "checked"))
        options->flags |= MID_POOL_CHECKED;
    else if (is_word(word, bytes, "abort"))
        abort_at_misuse = true;
    else if (is_word(word, bytes, "stats"))
        stats_at_exit = true;
    else if (bytes > sizeof limit - 1 && memcmp(word, limit, sizeof limit - 1) == 0) {
        return read_bytes(word + sizeof limit - 1, bytes - (sizeof limit - 1), &options->limit_bytes);
    } else
        return false;
    return true;
}

static void read_environment(struct mid_pool_options *options)
{
    const char *text = secure_getenv("MIDDEN_MALLOC");
    while (text != NULL && *text != '\0') {
        size_t bytes = strcspn(text, ",");
        if (bytes != 0 && !read_word(text, bytes, options)) {
            char line[200];
            int n = snprintf(line, sizeof line, "midden-malloc: MIDDEN_MALLOC: unknown word '%.*s'\n",
                             bytes < 100 ? (int)bytes : 100, text);
            say(line, n < 0 ? 0 : (size_t)n);
        }
        text += bytes + (text[bytes] == ',');
    }
}

static struct mid_pool *make(void)
{
    struct mid_pool_options options;
    struct mid_pool *pool;
    int saved = errno;
    mid_pool_options_init(&options);
    options.broken = say_broken;
    read_environment(&options);
    making = true;
    (void)mid_pool_create(&options, &pool); /* NULL when it fails */
    making = false;
    errno = saved;
    return pool;
}

struct mid_pool *mid__process_pool_start(void)
{
    if (making)
        return NULL;
    for (;;) {
        struct mid_pool *pool = atomic_load_explicit(&mid__process_pool, memory_order_acquire);
        if (pool != NULL)
            return pool;
        if (!atomic_exchange_explicit(&being_made, true, memory_order_acquire)) {
            pool = make();
            /* Pairs with the acquire loads of whoever finds the pool. */
            atomic_store_explicit(&mid__process_pool, pool, memory_order_release);
            atomic_store_explicit(&being_made, false, memory_order_release);
            return pool;
        }
        sched_yield();
    }
}

__attribute__((destructor)) static void at_exit(void)
{
    struct mid_pool *pool = atomic_load_explicit(&mid__process_pool, memory_order_acquire);
    if (!stats_at_exit || pool == NULL)
        return;
    size_t page = mid__sys_page_bytes(), capacity = mid__align_up(mid_pool_stats_json(pool, NULL, 0) + page, page);
    char *text = mid__sys_map(capacity, page);
    size_t n = text == NULL ? capacity : mid_pool_stats_json(pool, text, capacity);
    if (n + 1 >= capacity)
        return;
    text[n] = '\n';
    say(text, n + 1);
}
