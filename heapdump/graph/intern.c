/* SPDX-License-Identifier: MIT
 *
 * intern.c: byte strings numbered by content.
 *
 *     bytes   Object{a, b}82,18,34,Order        contents, one after another
 *     ends    6     12    26                    content n is bytes[ends[n - 1] .. ends[n])
 *     slots   0 3 0 0 1 0 2 0                   number + 1 at the content's hash or behind it (linear probing)
 *
 * I1. slot_count is a power of two and more than 4/3 of count: a probe ends at an empty slot.
 * I2. hashes[s] is the hash of the content that slots[s] names: growing reads no content.
 *
 * The hash is FNV-1a with a final mix (Murmur3's). A dump made on purpose can make contents collide and the table
 * slow; it cannot make it wrong.
 */
#include <midden/internal/intern.h>

#include <midden/internal/compiler.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MAX ((uint32_t)1 << 30)

static uint32_t hash_of(const void *bytes, size_t length)
{
    const unsigned char *p = bytes;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdu;
    return (uint32_t)(h >> 32);
}

const char *mid__intern_get(const struct mid__intern *in, uint32_t number, size_t *length)
{
    size_t start = number == 0 ? 0 : in->ends[number - 1];
    *length = in->ends[number] - start;
    return in->bytes != NULL ? in->bytes + start : ""; /* NULL: all contents are empty */
}

int mid__intern_compare(const struct mid__intern *in, uint32_t a, uint32_t b)
{
    size_t x_length, y_length;
    const char *x = mid__intern_get(in, a, &x_length), *y = mid__intern_get(in, b, &y_length);
    size_t shorter = x_length < y_length ? x_length : y_length;
    int order = shorter == 0 ? 0 : memcmp(x, y, shorter);
    return order != 0 ? order : (x_length > y_length) - (x_length < y_length);
}

/* The slot that holds this content, or the empty one where it would go; slot_count is not 0. */
static uint32_t probe(const struct mid__intern *in, uint32_t hash, const void *bytes, size_t length)
{
    uint32_t mask = in->slot_count - 1, s = hash & mask;
    for (; in->slots[s] != 0; s = (s + 1) & mask) {
        if (in->hashes[s] != hash)
            continue;
        size_t have_length;
        const char *have = mid__intern_get(in, in->slots[s] - 1, &have_length);
        if (have_length == length && (length == 0 || memcmp(have, bytes, length) == 0))
            break;
    }
    return s;
}

static bool grow_slots(struct mid__intern *in)
{
    uint32_t wide = in->slot_count != 0 ? in->slot_count * 2 : 64;
    uint32_t *slots = calloc(wide, sizeof slots[0]), *hashes = malloc(wide * sizeof hashes[0]);
    if (slots == NULL || hashes == NULL) {
        free(slots);
        free(hashes);
        return false;
    }
    for (uint32_t i = 0; i < in->slot_count; i++) {
        if (in->slots[i] == 0)
            continue;
        uint32_t s = in->hashes[i] & (wide - 1);
        while (slots[s] != 0)
            s = (s + 1) & (wide - 1);
        slots[s] = in->slots[i];
        hashes[s] = in->hashes[i];
    }
    free(in->slots);
    free(in->hashes);
    in->slots = slots;
    in->hashes = hashes;
    in->slot_count = wide;
    return true;
}

static bool grow_bytes(struct mid__intern *in, size_t more)
{
    size_t wanted, wide = in->capacity < 1024 ? 1024 : in->capacity;
    if (mid__add_overflows(in->used, more, &wanted))
        return false;
    while (wide < wanted)
        wide = wide > SIZE_MAX / 2 ? wanted : wide * 2;
    char *bytes = realloc(in->bytes, wide);
    if (bytes == NULL)
        return false;
    in->bytes = bytes;
    in->capacity = wide;
    return true;
}

static bool grow_ends(struct mid__intern *in)
{
    uint32_t wide = in->ends_capacity != 0 ? in->ends_capacity * 2 : 64;
    size_t *ends = realloc(in->ends, wide * sizeof ends[0]);
    if (ends == NULL)
        return false;
    in->ends = ends;
    in->ends_capacity = wide;
    return true;
}

enum mid_status mid__intern_put(struct mid__intern *in, const void *bytes, size_t length, uint32_t *number)
{
    if ((size_t)in->count * 4 >= (size_t)in->slot_count * 3 && !grow_slots(in))
        return MID_E_MEMORY;
    uint32_t hash = hash_of(bytes, length), s = probe(in, hash, bytes, length);
    if (in->slots[s] != 0) {
        *number = in->slots[s] - 1;
        return MID_OK;
    }
    if (in->count == COUNT_MAX)
        return MID_E_LIMIT;
    if (in->capacity - in->used < length && !grow_bytes(in, length))
        return MID_E_MEMORY;
    if (in->count == in->ends_capacity && !grow_ends(in))
        return MID_E_MEMORY;
    if (length != 0)
        memcpy(in->bytes + in->used, bytes, length);
    in->used += length;
    in->ends[in->count] = in->used;
    in->hashes[s] = hash;
    in->slots[s] = ++in->count;
    *number = in->count - 1;
    return MID_OK;
}

uint32_t mid__intern_find(const struct mid__intern *in, const void *bytes, size_t length)
{
    if (in->slot_count == 0)
        return MID__INTERN_NONE;
    uint32_t s = probe(in, hash_of(bytes, length), bytes, length);
    return in->slots[s] != 0 ? in->slots[s] - 1 : MID__INTERN_NONE;
}

void mid__intern_free(struct mid__intern *in)
{
    free(in->bytes);
    free(in->ends);
    free(in->slots);
    free(in->hashes);
    *in = (struct mid__intern){0};
}
