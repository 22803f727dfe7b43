/* SPDX-License-Identifier: MIT
 *
 * sqlite.c: SQLite on a pool (SQLITE_CONFIG_MALLOC). Its contract: 8-byte alignment; xRoundup before every request; xSize in
 * O(1), since it is asked at every release; thread-safe; set before sqlite3_initialize.
 */
#include "hook.h"

#include <pthread.h>
#include <sqlite3.h>

static struct mid_pool *pool;

static void *take(int bytes)
{
    return mid_pool_alloc(pool, (size_t)bytes);
}

static void give(void *p)
{
    mid_pool_release(pool, p);
}

static void *resize(void *p, int bytes)
{
    return mid_pool_resize(pool, p, (size_t)bytes);
}

static int size(void *p)
{
    return (int)mid_pool_usable_bytes(pool, p);
}

static int roundup(int bytes)
{
    return (bytes + 15) & ~15;
}

static int start(void *unused)
{
    (void)unused;
    return SQLITE_OK;
}

static void stop(void *unused)
{
    (void)unused;
}

static int row(void *line, int n, char **values, char **names)
{
    (void)names;
    must(n == 1 && values[0] != NULL, "one value a row");
    snprintf(line, 100, "%s", values[0]);
    return 0;
}

static void *work(void *name)
{
    sqlite3 *db = NULL;
    char got[100] = "";
    must(sqlite3_open(name, &db) == SQLITE_OK, "open");
    const char *script =
        "CREATE TABLE t(i INTEGER PRIMARY KEY, s TEXT, b BLOB);"
        "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20000)"
        " INSERT INTO t SELECT i, printf('%d-%d', i, i * 7919 % 1009), zeroblob(i % 400) FROM c;"
        "CREATE INDEX x ON t(s);"
        "UPDATE t SET s = s || s WHERE i % 3 = 0;"
        "DELETE FROM t WHERE i % 7 = 0;";
    must(sqlite3_exec(db, script, NULL, NULL, NULL) == SQLITE_OK, "script");
    must(sqlite3_exec(db, "SELECT count(*) || ' ' || sum(length(s)) || ' ' || sum(length(b)) FROM t", row, got, NULL) ==
             SQLITE_OK, "sums");
    must(strcmp(got, "17143 190732 3419829") == 0, got);
    must(sqlite3_exec(db, "PRAGMA integrity_check", row, got, NULL) == SQLITE_OK && strcmp(got, "ok") == 0, got);
    sqlite3_close(db);
    return NULL;
}

int main(int argc, char **argv)
{
    static const sqlite3_mem_methods methods = {take, give, resize, size, roundup, start, stop, NULL};
    pool = hook_pool(argc, argv);
    must(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK, "config");
    must(sqlite3_initialize() == SQLITE_OK, "initialize");
    pthread_t other;
    must(pthread_create(&other, NULL, work, ":memory:") == 0, "thread");
    work(":memory:");
    pthread_join(other, NULL);
    must(sqlite3_memory_used() == 0, "SQLite's own figure says that nothing is used");
    sqlite3_shutdown();
    hook_end(pool, 50000);
    return 0;
}
