/* SPDX-License-Identifier: MIT
 * A program that opens the library while it runs, as a plugin is opened, uses it in a thread, and closes it before the
 * thread ends. The thread's cache is handed back at its end, by code of the library. */
#include <midden/pool.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* A symbol as a function pointer, which C has no cast for. */
static int find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static void *use(void *path)
{
    enum mid_status (*create)(const struct mid_pool_options *, struct mid_pool **);
    enum mid_status (*destroy)(struct mid_pool *, size_t *);
    void *(*alloc)(struct mid_pool *, size_t);
    void (*release)(struct mid_pool *, void *);
    struct mid_pool *pool;
    void *library = dlopen(path, RTLD_NOW);
    if (library == NULL || !find(library, "mid_pool_create", &create) || !find(library, "mid_pool_destroy", &destroy) ||
        !find(library, "mid_pool_alloc", &alloc) || !find(library, "mid_pool_release", &release))
        return NULL;
    if (create(NULL, &pool) != MID_OK)
        return NULL;
    release(pool, alloc(pool, 100));
    destroy(pool, NULL);
    dlclose(library);
    return path;
}

int main(int count, char **arguments)
{
    pthread_t thread;
    void *used = NULL;
    if (count != 2 || pthread_create(&thread, NULL, use, arguments[1]) != 0 || pthread_join(thread, &used) != 0)
        return 2;
    puts(used != NULL ? "used and closed" : "not there");
    return used == NULL;
}
