/* SPDX-License-Identifier: MIT
 *
 * check.c: what a checked pool does to each buffer, and how misuse is reported.
 *
 *     taken      [ fill a5 a5 ... a5 | guard fd fd fd ... fd ]     requested size, then at least 16 bytes of guard
 *     released   [ poison dd dd dd dd dd dd dd dd dd dd dd dd ]     seen again when the place is next taken, and by verify
 *
 * Of buffers of more than 8 KiB only the first 8 KiB are filled and poisoned, and the first 64 bytes of the guard are
 * looked at. Where valgrind or AddressSanitizer watches, they see every access themselves: nothing is then filled.
 *
 * A record outside of the slab keeps the exact size, and where the program took and released the buffer.
 */
#include "pool_state.h"
#include "shadow.h"

#include <stdarg.h>
#include <string.h>

#define FILL_BYTE   0xa5
#define GUARD_BYTE  0xfd
#define POISON_BYTE 0xdd
#define FILL_MAX    8192u
#define GUARD_MAX   64u

void mid__default_broken(void *user, const struct mid_broken *broken)
{
    (void)user;
    fprintf(stderr, "midden: %s: %s\n", broken->rule, broken->detail);
}

static void report(struct mid_pool *pool, const char *rule, const void *address, const char *format, va_list list)
    MID__PRINTF(4, 0);

static void report(struct mid_pool *pool, const char *rule, const void *address, const char *format, va_list list)
{
    char detail[256];
    vsnprintf(detail, sizeof detail, format, list);
    struct mid_broken broken = {sizeof broken, rule, detail, address};
    pool->broken(pool->broken_user, &broken);
}

void mid__report(struct mid_pool *pool, const char *rule, const void *address, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    report(pool, rule, address, format, list);
    va_end(list);
}

void mid__misuse(struct mid_pool *pool, const char *rule, const void *address, const char *format, ...)
{
    atomic_fetch_add_explicit(&pool->misuses, 1, memory_order_relaxed); /* a counter; pairs with nothing */
    va_list list;
    va_start(list, format);
    report(pool, rule, address, format, list);
    va_end(list);
}

struct mid__record *mid__record_of(const struct mid__class *c, const struct mid__slab *s, size_t offset)
{
    struct mid__record *records = mid__slab_records(s);
    return records == NULL ? NULL : records + c->placement->record(c, offset);
}

static size_t at_most(size_t n, size_t bound)
{
    return n < bound ? n : bound;
}

static const void *first_other(const unsigned char *from, size_t bytes, unsigned char value)
{
    for (size_t i = 0; i < bytes; i++)
        if (from[i] != value)
            return from + i;
    return NULL;
}

const void *mid__check_guard(const struct mid__taken *t, size_t requested)
{
    const unsigned char *p = mid__taken_memory(t);
    return first_other(p + requested, at_most(t->extent - requested, GUARD_MAX), GUARD_BYTE);
}

/* A sequential slab begins anew with other borders. What lay within the new buffer is forgotten; what began at the same
 * place is still poisoned as far as it reached. */
static size_t poisoned_before(const struct mid__class *c, const struct mid__taken *t)
{
    struct mid__record *record = mid__record_of(c, t->slab, t->offset);
    if (c->bytes != 0)
        return t->extent;
    for (size_t at = t->offset + 8; at < t->offset + t->extent && c->slots == 0; at += 8)
        mid__record_of(c, t->slab, at)->released_at = NULL;
    return at_most(record->requested + MID__GUARD_BYTES, t->extent);
}

const void *mid__check_poison(const struct mid__taken *t, size_t kept)
{
    const unsigned char *p = mid__taken_memory(t);
    return first_other(p + kept, at_most(t->extent, FILL_MAX) - kept, POISON_BYTE);
}

void mid__check_take(struct mid_pool *pool, const struct mid__class *c, const struct mid__taken *t, size_t bytes,
                     const void *site)
{
    struct mid__record *record = mid__record_of(c, t->slab, t->offset);
    unsigned char *p = mid__taken_memory(t);
    struct mid__taken old = *t;
    old.extent = poisoned_before(c, t);
    if (!pool->watched) {
        const void *bad = record->released_at == NULL ? NULL : mid__check_poison(&old, record->kept);
        if (bad != NULL)
            mid__misuse(pool, "pool.write_after_release", bad,
                        "a buffer of %zu bytes at %p, taken at %p and released at %p, was written to afterwards",
                        record->requested, (void *)p, record->taken_at, record->released_at);
        if (!t->fresh)
            memset(p, FILL_BYTE, at_most(bytes, FILL_MAX));
        memset(p + bytes, GUARD_BYTE, at_most(t->extent - bytes, GUARD_MAX));
    }
    record->requested = bytes;
    record->taken_at = site;
    record->released_at = NULL;
}

void mid__check_give(struct mid_pool *pool, const struct mid__class *c, const struct mid__taken *t, size_t kept,
                    const void *site)
{
    struct mid__record *record = mid__record_of(c, t->slab, t->offset);
    unsigned char *p = mid__taken_memory(t);
    if (!pool->watched) {
        const void *bad = mid__check_guard(t, record->requested);
        if (bad != NULL)
            mid__misuse(pool, "pool.overrun", bad,
                        "a buffer of %zu bytes at %p, taken at %p, was written to at its byte %td", record->requested,
                        (void *)p, record->taken_at, (const unsigned char *)bad - p);
        memset(p + kept, POISON_BYTE, at_most(t->extent, FILL_MAX) - kept);
    }
    record->kept = kept;
    record->released_at = site;
}
