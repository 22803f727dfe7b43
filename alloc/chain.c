/* SPDX-License-Identifier: MIT
 *
 * chain.c: a rope of slices: building it, cutting it, copying out of it. Comparing and searching are in chain_search.c.
 *
 *     ring of slices    [ s3 | s4 |    |    | s0 | s1 | s2 ]      first = 4, count = 5, capacity = 7
 *
 * I1  bytes is the sum over the slices; no slice is empty; the chain owns one count of each.
 * I2  `many` is NULL and capacity 0 while the slices lie in `few`; once they have moved out they stay out until clear.
 * I3  Nothing points into the struct, so that it may be moved.
 *
 * Two slices that follow one another in the same block are joined when appended: the reads of one block make one slice.
 *
 * A ring and no tree: programs that read cut at the front and append at the end, in a few pieces. Cutting in the middle
 * costs a step for each slice before it. (H.-J. Boehm, R. Atkinson, M. Plass, "Ropes: an Alternative to Strings", 1995,
 * section 2, gives the tree that we depart from.)
 */
#include "chain.h"
#include "pool_state.h"

#include <string.h>

void mid_chain_init(struct mid_chain *chain, struct mid_pool *pool)
{
    memset(chain, 0, sizeof *chain);
    chain->pool = pool;
}

void mid_chain_clear(struct mid_chain *chain)
{
    for (size_t i = 0; i < chain->count; i++)
        mid_slice_release(mid__chain_at(chain, i));
    if (chain->many != NULL)
        mid__pool_give(chain->pool, chain->many, chain->capacity * sizeof *chain->many, MID__RETURN_ADDRESS());
    mid_chain_init(chain, chain->pool);
}

struct mid_slice mid_chain_segment(const struct mid_chain *chain, size_t i)
{
    return i < chain->count ? mid__chain_get(chain, i) : mid_slice_empty();
}

/* Makes room for `more` more slices. */
static enum mid_status reserve(struct mid_chain *chain, size_t more)
{
    size_t capacity = mid__chain_capacity(chain), wanted, bytes;
    if (mid__add_overflows(chain->count, more, &wanted))
        return MID_E_MEMORY;
    if (wanted <= capacity)
        return MID_OK;
    if (wanted < 2 * capacity)
        wanted = 2 * capacity;
    if (mid__mul_overflows(wanted, sizeof *chain->many, &bytes))
        return MID_E_MEMORY;
    enum mid_status status;
    struct mid_slice *many = mid__pool_take(chain->pool, bytes, MID__RETURN_ADDRESS(), &status);
    if (many == NULL)
        return status;
    for (size_t i = 0; i < chain->count; i++)
        many[i] = mid__chain_get(chain, i);
    if (chain->many != NULL)
        mid__pool_give(chain->pool, chain->many, chain->capacity * sizeof *many, MID__RETURN_ADDRESS());
    chain->many = many;
    chain->capacity = wanted;
    chain->first = 0;
    return MID_OK;
}

/* Appends without failing: there is room, and the sum of bytes fits. Takes over the count. */
static void push(struct mid_chain *chain, struct mid_slice slice)
{
    chain->bytes += slice.bytes;
    struct mid_slice *last = chain->count == 0 ? NULL : mid__chain_at(chain, chain->count - 1);
    if (last != NULL && last->block == slice.block && last->data + last->bytes == slice.data) {
        last->bytes += slice.bytes;
        mid_slice_release(&slice);
        return;
    }
    chain->count++;
    *mid__chain_at(chain, chain->count - 1) = slice;
}

static enum mid_status prepare(struct mid_chain *chain, size_t slices, size_t bytes)
{
    size_t sum;
    if (mid__add_overflows(chain->bytes, bytes, &sum))
        return MID_E_INVALID;
    return reserve(chain, slices);
}

enum mid_status mid_chain_append(struct mid_chain *chain, struct mid_slice slice)
{
    if (slice.bytes == 0) {
        mid_slice_release(&slice);
        return MID_OK;
    }
    enum mid_status status = prepare(chain, 1, slice.bytes);
    if (status == MID_OK)
        push(chain, slice);
    return status;
}

enum mid_status mid_chain_prepend(struct mid_chain *chain, struct mid_slice slice)
{
    if (slice.bytes == 0) {
        mid_slice_release(&slice);
        return MID_OK;
    }
    enum mid_status status = prepare(chain, 1, slice.bytes);
    if (status != MID_OK)
        return status;
    size_t capacity = mid__chain_capacity(chain);
    chain->first = (chain->first + capacity - 1) % capacity;
    chain->count++;
    chain->bytes += slice.bytes;
    *mid__chain_at(chain, 0) = slice;
    return MID_OK;
}

enum mid_status mid_chain_append_chain(struct mid_chain *chain, struct mid_chain *from)
{
    if (chain == from)
        return MID_E_INVALID;
    enum mid_status status = prepare(chain, from->count, from->bytes);
    if (status != MID_OK)
        return status;
    for (size_t i = 0; i < from->count; i++)
        push(chain, mid__chain_get(from, i));
    from->count = 0;
    mid_chain_clear(from);
    return MID_OK;
}

enum mid_status mid_chain_cut(const struct mid_chain *chain, size_t offset, size_t bytes, struct mid_chain *out)
{
    if (chain == out || offset > chain->bytes || bytes > chain->bytes - offset)
        return MID_E_INVALID;
    struct mid__chain_cursor at = mid__chain_seek(chain, offset);
    size_t slices = 0;
    for (struct mid__chain_cursor c = at; c.position < offset + bytes; slices++)
        mid__chain_step(&c, offset + bytes - c.position);
    enum mid_status status = prepare(out, slices, bytes);
    while (status == MID_OK && at.position < offset + bytes) {
        struct mid_slice whole = mid__chain_get(chain, at.segment), piece;
        size_t skip = at.offset;
        size_t n = mid__chain_step(&at, offset + bytes - at.position);
        status = mid_slice_cut(whole, skip, n, &piece);
        if (status == MID_OK)
            push(out, piece);
    }
    return status;
}

void mid_chain_drop_front(struct mid_chain *chain, size_t bytes)
{
    while (bytes != 0 && chain->count != 0) {
        struct mid_slice *s = mid__chain_at(chain, 0);
        if (bytes < s->bytes) {
            s->data += bytes;
            s->bytes -= bytes;
            chain->bytes -= bytes;
            return;
        }
        bytes -= s->bytes;
        chain->bytes -= s->bytes;
        mid_slice_release(s);
        chain->first = (chain->first + 1) % mid__chain_capacity(chain);
        chain->count--;
    }
}

size_t mid_chain_copy_out(const struct mid_chain *chain, size_t offset, void *memory, size_t bytes)
{
    if (offset >= chain->bytes)
        return 0;
    if (bytes > chain->bytes - offset)
        bytes = chain->bytes - offset;
    struct mid__chain_cursor at = mid__chain_seek(chain, offset);
    for (size_t done = 0; done < bytes;) {
        const unsigned char *from = mid__chain_here(&at);
        size_t n = mid__chain_step(&at, bytes - done);
        memcpy((char *)memory + done, from, n);
        done += n;
    }
    return bytes;
}

enum mid_status mid_chain_flatten(const struct mid_chain *chain, struct mid_pool *pool, struct mid_slice *out)
{
    if (chain->count == 1)
        return mid_slice_cut(mid__chain_get(chain, 0), 0, chain->bytes, out);
    enum mid_status status = mid_slice_alloc(pool, chain->bytes, out);
    if (status == MID_OK)
        mid_chain_copy_out(chain, 0, out->data, chain->bytes);
    return status;
}

size_t mid_chain_iovec(const struct mid_chain *chain, size_t offset, struct iovec *vector, size_t capacity)
{
    if (offset >= chain->bytes)
        return 0;
    struct mid__chain_cursor at = mid__chain_seek(chain, offset);
    size_t n = 0;
    for (; n < capacity && at.position < chain->bytes; n++) {
        vector[n].iov_base = (void *)(uintptr_t)mid__chain_here(&at);
        vector[n].iov_len = mid__chain_step(&at, SIZE_MAX);
    }
    return n;
}
