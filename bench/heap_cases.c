/* SPDX-License-Identifier: MIT
 *
 * heap_cases.c: joins heap workloads and those who manage their objects.
 *
 * Every repetition has a process of its own: a heap that grew in one workload would collect less in the next, and no
 * collector's figures would be those of a program that uses it. malloc and free by hand is not a collector: it is what a
 * program would cost whose author knew when each object dies.
 */
#include "heap_work.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_BYTES = 64, MOST = 128, ARGUMENTS = 6 };

enum keeper { MIDDEN, BOEHM, BY_HAND, NODE };

/* One line each. A variant is left out of the quick set. */
static const struct subject {
    const char *name;
    enum keeper keeper;
    bool variant;
    const char *options; /* of midden's heap, before those of the environment */
} subjects[] = {
    {"midden", MIDDEN, false, ""},
    {"midden-pause", MIDDEN, true, "pause-target=500"},
    {"midden-stop", MIDDEN, true, "marking=stop"},
    {"boehm", BOEHM, false, NULL},
    {"node", NODE, false, NULL},
    {"by-hand", BY_HAND, false, NULL},
};
enum { SUBJECTS = sizeof subjects / sizeof subjects[0] };

struct heap_case {
    const struct heap_workload *workload;
    const struct subject *subject;
    heap_body *body;
    char name[NAME_BYTES], script[NAME_BYTES], size[16];
    const char *command[ARGUMENTS];
};

static const char *options_now = "";

const char *heap_options(void)
{
    return options_now;
}

void heap_absent(void (*say)(void *user, const char *name, const char *why), void *user)
{
    if (boehm_get() == NULL)
        say(user, "boehm", "the package libgc1 is not installed");
    if (node_version() == NULL)
        say(user, "node", "there is no node in PATH, or no " NODE_SCRIPTS " in the working directory");
}

static void play(struct bench_run *run, const void *arg)
{
    const struct heap_case *c = arg;
    options_now = c->subject->keeper == MIDDEN ? c->subject->options : "";
    c->body(run, c->workload);
}

/* Fills in what plays the workload; false when nothing does. */
static bool cast(struct heap_case *c, const struct heap_workload *w, const struct subject *s)
{
    *c = (struct heap_case){.workload = w, .subject = s};
    snprintf(c->name, sizeof c->name, "heap/%s/%s", w->name, s->name);
    switch (s->keeper) {
    case MIDDEN: c->body = w->midden; break;
    case BOEHM: c->body = boehm_get() != NULL ? w->boehm : NULL; break;
    case BY_HAND: c->body = w->by_hand; break;
    case NODE:
        if (w->script == NULL || node_version() == NULL)
            return false;
        snprintf(c->script, sizeof c->script, NODE_SCRIPTS "/%s", w->script);
        snprintf(c->size, sizeof c->size, "%u", w->size);
        const char *command[ARGUMENTS] = {"node", "--single-threaded-gc", c->script, c->size, NULL};
        for (int i = 0; i < ARGUMENTS; i++)
            c->command[i] = command[i];
        return true;
    }
    return c->body != NULL;
}

size_t heap_cases_add(struct bench_case *cases, size_t capacity, bool full)
{
    static struct heap_case made[MOST];
    size_t n = 0;
    for (size_t i = 0; i < heap_workload_count; i++)
        for (size_t k = 0; k < SUBJECTS; k++) {
            const struct heap_workload *w = &heap_workloads[i];
            bool wanted = full || (w->quick && !subjects[k].variant);
            if (!wanted || n == capacity || n == MOST || !cast(&made[n], w, &subjects[k]))
                continue;
            cases[n] = (struct bench_case){.name = made[n].name,
                                           .title = w->title,
                                           .body = play,
                                           .arg = &made[n],
                                           .command = made[n].command[0] != NULL ? made[n].command : NULL,
                                           .isolated = true,
                                           .iterations = 1,
                                           .alone_iterations = 1};
            n++;
        }
    return n;
}
