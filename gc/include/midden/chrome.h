/* SPDX-License-Identifier: MIT
 *
 * <midden/chrome.h>: the collector's work as Chrome trace events, for Perfetto, chrome://tracing and Speedscope. Every pause is
 * a slice, with the parts it is made of (roots, copy, mark, sweep ...) in it; an incremental cycle is a span from its start
 * to its end; sizes are counters.
 */
#ifndef MIDDEN_CHROME_H
#define MIDDEN_CHROME_H

#include <midden/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Receives pieces of the file, in order. Called on the thread that collects, at the end of a pause when its time has been
 * taken; must not call the heap. */
typedef void (*mid_chrome_fn)(void *user, const char *text, size_t bytes);

/* Starts telling: the text is a JSON array of trace events, one a line ("JSON Array Format": a viewer reads it also when
 * the program ends before mid_chrome_end). Times are microseconds of CLOCK_MONOTONIC, with thread time (tts, tdur) beside
 * them, so that the events fall into place in a trace of other programs. The heap's events are on the process and thread
 * that collect. MID_E_INVALID: `write` NULL, or it has been started already. MID_E_MEMORY. Never collects. Cost while it
 * is on: two readings of clocks a part of a pause, and a call of `write` an event.
 * Source: Google, "Trace Event Format". */
MID_API enum mid_status mid_chrome_begin(struct mid_heap *heap, mid_chrome_fn write, void *user);

/* Ends the array. MID_E_INVALID when it has not been started. mid_heap_destroy does it, too. Not from a callback of the
 * heap. Never collects. */
MID_API enum mid_status mid_chrome_end(struct mid_heap *heap);

/* A `write` for mid_chrome_begin: `user` is a FILE *. */
MID_API void mid_chrome_to_stream(void *user, const char *text, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
