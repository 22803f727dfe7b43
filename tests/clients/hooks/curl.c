/* SPDX-License-Identifier: MIT
 *
 * curl.c: libcurl on a pool (curl_global_init_mem). Its contract: five functions, strdup and calloc among them;
 * thread-safe; free(NULL) is common. Four threads fetch a file each, over file://, many times.
 */
#include "hook.h"

#include <curl/curl.h>
#include <pthread.h>
#include <unistd.h>

#define THREADS 4
#define FETCHES 30
#define BYTES   ((size_t)300000)

static struct mid_pool *pool;
static char url[300];

static void *take(size_t bytes) { return mid_pool_alloc(pool, bytes); }
static void give(void *p) { mid_pool_release(pool, p); }
static void *resize(void *p, size_t bytes) { return mid_pool_resize(pool, p, bytes); }
static void *zeroed(size_t n, size_t bytes) { return mid_pool_alloc_zeroed(pool, n, bytes); }

static char *copy(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *p = mid_pool_alloc(pool, bytes);
    return p == NULL ? NULL : memcpy(p, text, bytes);
}

struct text {
    char *bytes;
    size_t count;
};

static size_t keep(char *data, size_t one, size_t count, void *user)
{
    struct text *text = user;
    char *grown = mid_pool_resize(pool, text->bytes, text->count + one * count);
    if (grown == NULL)
        return 0;
    text->bytes = grown;
    memcpy(grown + text->count, data, one * count);
    text->count += one * count;
    return one * count;
}

static void *work(void *unused)
{
    for (int i = 0; i < FETCHES; i++) {
        struct text text = {NULL, 0};
        CURL *curl = curl_easy_init();
        must(curl != NULL, "a handle");
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
        must(curl_easy_perform(curl) == CURLE_OK, "a fetch");
        curl_easy_cleanup(curl);
        must(text.count == BYTES, "all of it");
        for (size_t at = 0; at < BYTES; at++)
            must(text.bytes[at] == (char)(at * 31 >> 4), "the same bytes");
        mid_pool_release(pool, text.bytes);
    }
    return unused;
}

int main(int argc, char **argv)
{
    char path[] = "/tmp/midden-curl-XXXXXX";
    int file = mkstemp(path);
    must(file >= 0, "a file");
    pool = hook_pool(argc, argv);
    char *content = mid_pool_alloc(pool, BYTES);
    for (size_t at = 0; at < BYTES; at++)
        content[at] = (char)(at * 31 >> 4);
    must(write(file, content, BYTES) == (ssize_t)BYTES, "written");
    mid_pool_release_sized(pool, content, BYTES);
    snprintf(url, sizeof url, "file://%s", path);
    must(curl_global_init_mem(CURL_GLOBAL_DEFAULT, take, give, resize, copy, zeroed) == CURLE_OK, "init");
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        must(pthread_create(&threads[i], NULL, work, NULL) == 0, "a thread");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    curl_global_cleanup();
    close(file);
    unlink(path);
    hook_end(pool, THREADS * FETCHES);
    return 0;
}
