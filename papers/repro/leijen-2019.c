/* SPDX-License-Identifier: MIT
 * Repeats the claim of papers/leijen-2019.md: free lists by page keep what is allocated together near together, where one
 * free list scatters it as the releases were scattered. 200,000 buffers of 64 bytes, nine in ten released in random order,
 * then a list of 100,000 allocated: how often does the next one lie on the page of the one before? Counts, not times. */
#include <midden/pool.h>

#include <dlfcn.h>

#include "kit.h"

enum { ALL = 200000, LIST = 100000 };

static void *all[ALL], *list[LIST];

/* The strategy that the paper starts from: released last, allocated first. */
static struct link {
    struct link *next;
} *free_list;
static char *bump;

static void *list_alloc(size_t bytes)
{
    struct link *head = free_list;
    if (head != NULL) {
        free_list = head->next;
        return head;
    }
    bump += bytes;
    return bump - bytes;
}

static void list_release(void *p)
{
    ((struct link *)p)->next = free_list;
    free_list = p;
}

static struct mid_pool *pool;
static void *pool_alloc(size_t bytes)
{
    return mid_pool_alloc(pool, bytes);
}
static void pool_release(void *p)
{
    mid_pool_release_sized(pool, p, 64);
}

struct locality {
    double page, block; /* the share of the list whose predecessor lies on the same 4 KiB; on the same 64 KiB */
};

static struct locality locality(void *(*take)(size_t), void (*give)(void *))
{
    uint64_t state = KIT_SEED;
    for (size_t i = 0; i < ALL; i++)
        KIT_NEED((all[i] = take(64)) != NULL);
    for (size_t i = ALL - 1; i > 0; i--) {
        size_t j = kit_random(&state) % (i + 1);
        void *swap = all[i];
        all[i] = all[j];
        all[j] = swap;
    }
    for (size_t i = 0; i < ALL / 10 * 9; i++)
        give(all[i]);
    size_t page = 0, block = 0;
    for (size_t i = 0; i < LIST; i++) {
        KIT_NEED((list[i] = take(64)) != NULL);
        page += i > 0 && (uintptr_t)list[i] >> 12 == (uintptr_t)list[i - 1] >> 12;
        block += i > 0 && (uintptr_t)list[i] >> 16 == (uintptr_t)list[i - 1] >> 16;
    }
    return (struct locality){(double)page / LIST, (double)block / LIST};
}

static struct locality pool_locality(unsigned flags)
{
    struct mid_pool_options o;
    mid_pool_options_init(&o);
    o.flags = flags;
    KIT_NEED(mid_pool_create(&o, &pool) == MID_OK);
    struct locality share = locality(pool_alloc, pool_release);
    mid_pool_destroy_forced(pool);
    return share;
}

/* mimalloc itself, where its library is installed. */
static struct locality mimalloc_locality(void)
{
    void *lib = dlopen("libmimalloc.so.2", RTLD_NOW | RTLD_LOCAL);
    void *take = lib != NULL ? dlsym(lib, "mi_malloc") : NULL, *give = lib != NULL ? dlsym(lib, "mi_free") : NULL;
    void *(*take_fn)(size_t);
    void (*give_fn)(void *);
    if (take == NULL || give == NULL)
        return (struct locality){-1, -1};
    *(void **)&take_fn = take;
    *(void **)&give_fn = give;
    return locality(take_fn, give_fn);
}

static void row(const char *name, struct locality l)
{
    if (l.page >= 0)
        printf("| %s | %.1f | %.1f |\n", name, l.page * 100, l.block * 100);
}

int main(void)
{
    char *memory = malloc((size_t)ALL * 2 * 64 + 4096);
    KIT_NEED(memory != NULL);
    bump = memory;
    struct locality one_list = locality(list_alloc, list_release);
    free(memory);
    struct locality slabs = pool_locality(MID_POOL_UNCACHED), cached = pool_locality(0);
    puts("| allocator | the next one on the same 4 KiB, % | on the same 64 KiB, % |\n|---|---|---|");
    row("one free list", one_list);
    row("midden, slabs alone", slabs);
    row("midden with its magazines", cached);
    row("mimalloc", mimalloc_locality());
    printf("@measured the next buffer lies on the same page in %.0f %% with slabs and magazines, %.1f %% with one free list\n",
           cached.page * 100, one_list.page * 100);
    kit_verdict(cached.page > 10 * one_list.page && cached.page > 0.5, cached.page > 2 * one_list.page);
    return 0;
}
