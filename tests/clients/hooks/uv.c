/* SPDX-License-Identifier: MIT
 *
 * uv.c: an echo server on libuv whose reads go into buffers of a pool, with libuv's own allocations on it, too
 * (uv_replace_allocator). The contract of alloc_cb: the suggested size (65536) is a hint; a buffer of length 0 gives the
 * reader UV_ENOBUFS; the buffer comes back to read_cb, also with nread <= 0; what is written stays until the write's
 * callback.
 */
#include "hook.h"

#include <uv.h>

#define CLIENTS  8
#define MESSAGES 200
#define MESSAGE  3000

static struct mid_pool *pool, *own;
static unsigned long reads;
static int refusals;

static void *uv_take(size_t bytes) { return mid_pool_alloc(own, bytes); }
static void *uv_resize(void *p, size_t bytes) { return mid_pool_resize(own, p, bytes); }
static void *uv_zeroed(size_t n, size_t bytes) { return mid_pool_alloc_zeroed(own, n, bytes); }
static void uv_give(void *p) { mid_pool_release(own, p); }

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)handle;
    *out = uv_buf_init(NULL, 0);
    if (++reads % 97 == 0) { /* what a pool at its limit does */
        refusals++;
        return;
    }
    char *p = mid_pool_alloc(pool, suggested);
    if (p != NULL)
        *out = uv_buf_init(p, (unsigned)mid_pool_usable_bytes(pool, p));
}

/* ---- server */

static uv_tcp_t server;

struct echo {
    uv_write_t request;
    uv_buf_t buffer;
};

static void on_closed(uv_handle_t *handle)
{
    if (handle != (uv_handle_t *)&server)
        mid_pool_release(pool, handle);
}

static void on_echoed(uv_write_t *request, int status)
{
    struct echo *echo = (struct echo *)request;
    must(status == 0, "echo");
    mid_pool_release(pool, echo->buffer.base);
    mid_pool_release_sized(pool, echo, sizeof *echo);
}

static void on_request(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    if (n <= 0) {
        mid_pool_release(pool, buffer->base);
        if (n < 0 && n != UV_ENOBUFS)
            uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    struct echo *echo = mid_pool_alloc(pool, sizeof *echo);
    echo->buffer = uv_buf_init(mid_pool_resize(pool, buffer->base, (size_t)n), (unsigned)n);
    must(uv_write(&echo->request, stream, &echo->buffer, 1, on_echoed) == 0, "write");
}

static void on_connection(uv_stream_t *listener, int status)
{
    must(status == 0, "connection");
    uv_tcp_t *peer = mid_pool_alloc(pool, sizeof *peer);
    uv_tcp_init(listener->loop, peer);
    must(uv_accept(listener, (uv_stream_t *)peer) == 0, "accept");
    uv_read_start((uv_stream_t *)peer, on_alloc, on_request);
}

/* ---- clients */

static struct client {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    char message[MESSAGE];
    size_t got, rounds;
} clients[CLIENTS];
static int running = CLIENTS;

static void on_sent(uv_write_t *request, int status)
{
    (void)request;
    must(status == 0, "sent");
}

static void send_message(struct client *c)
{
    for (size_t i = 0; i < MESSAGE; i++)
        c->message[i] = (char)(i + c->rounds * 7 + (size_t)(c - clients));
    c->got = 0;
    uv_buf_t buffer = uv_buf_init(c->message, MESSAGE);
    must(uv_write(&c->write, (uv_stream_t *)&c->tcp, &buffer, 1, on_sent) == 0, "send");
}

static void on_answer(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct client *c = (struct client *)stream;
    must(n >= 0 || n == UV_ENOBUFS, "answer");
    if (n > 0) {
        must(c->got + (size_t)n <= MESSAGE && memcmp(buffer->base, c->message + c->got, (size_t)n) == 0, "the same bytes");
        c->got += (size_t)n;
    }
    mid_pool_release(pool, buffer->base);
    if (c->got < MESSAGE)
        return;
    if (++c->rounds < MESSAGES) {
        send_message(c);
        return;
    }
    uv_close((uv_handle_t *)stream, NULL);
    if (--running == 0)
        uv_close((uv_handle_t *)&server, NULL);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct client *c = (struct client *)((char *)request - offsetof(struct client, connect));
    must(status == 0, "connect");
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_answer);
    send_message(c);
}

int main(int argc, char **argv)
{
    uv_loop_t loop;
    struct sockaddr_in address;
    int length = sizeof address;
    pool = hook_pool(argc, argv);
    own = hook_pool(argc, argv);
    must(uv_replace_allocator(uv_take, uv_resize, uv_zeroed, uv_give) == 0, "allocator");
    uv_loop_init(&loop);
    uv_tcp_init(&loop, &server);
    uv_ip4_addr("127.0.0.1", 0, &address);
    must(uv_tcp_bind(&server, (struct sockaddr *)&address, 0) == 0, "bind");
    must(uv_listen((uv_stream_t *)&server, 16, on_connection) == 0, "listen");
    uv_tcp_getsockname(&server, (struct sockaddr *)&address, &length);
    for (int i = 0; i < CLIENTS; i++) {
        uv_tcp_init(&loop, &clients[i].tcp);
        uv_tcp_connect(&clients[i].connect, &clients[i].tcp, (struct sockaddr *)&address, on_connected);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop) == 0, "loop");
    must(refusals > 0, "some reads found no buffer");
    uv_library_shutdown();
    printf("reads %lu, refused %d\n", reads, refusals);
    hook_end(pool, 3000);
    hook_end(own, 1);
    return 0;
}
