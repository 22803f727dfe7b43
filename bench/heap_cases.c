/* SPDX-License-Identifier: MIT
 *
 * heap_cases.c: joins heap workloads and those who manage their objects.
 *
 * Every repetition has a process of its own: a heap that grew in one workload would collect less in the next, and no
 * collector's figures would be those of a program that uses it. malloc and free by hand is not a collector: it is what a
 * program would cost whose author knew when each object dies.
 */
#include "heap_work.h"
#include "runtimes.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 64, OPTION_BYTES = 160, MOST = 1024 };

enum keeper { MIDDEN, BOEHM, BY_HAND, NODE, JAVA, OCAML };

/* One line each. A variant is left out of the quick set. */
static const struct subject {
    const char *name;
    enum keeper keeper;
    bool variant;
    const char *options; /* of midden's heap, before those of the environment; of a runtime's command line, or NULL */
} subjects[] = {
    {"midden", MIDDEN, false, ""},
    {"midden-pause", MIDDEN, true, "pause-target=500"},
    {"midden-stop", MIDDEN, true, "marking=stop"},
    {"boehm", BOEHM, false, NULL},
    {"node", NODE, false, NULL},
    {"java", JAVA, false, NULL},
    {"java-g1", JAVA, true, "-XX:+UseG1GC"},
    {"ocaml", OCAML, false, NULL},
    {"by-hand", BY_HAND, false, NULL},
};
enum { SUBJECTS = sizeof subjects / sizeof subjects[0] };

struct heap_case {
    const struct heap_workload *workload;
    const struct subject *subject;
    heap_body *body;
    size_t heap_bytes; /* 0: each collector's defaults */
    char name[NAME_BYTES], options[OPTION_BYTES];
    struct runtime_command command;
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
    for (enum runtime r = 0; r < RUNTIMES; r++)
        if (!runtime_ready(r))
            say(user, runtime_name(r), runtime_why_absent(r));
}

static void play(struct bench_run *run, const void *arg)
{
    const struct heap_case *c = arg;
    options_now = c->options;
    heap_tight_set(c->heap_bytes);
    c->body(run, c->workload);
    if (c->subject->keeper == BOEHM)
        boehm_end(run);
}

/* Buffers lie outside the heap of Node, which bounds that alone: there are none of it in heaps of equal size. */
static bool command_of(struct heap_case *c, enum runtime r)
{
    const struct heap_workload *w = c->workload;
    struct runtime_work work = {w->program, w->size, c->heap_bytes, (size_t)w->live_bytes, c->subject->options};
    if (w->program == NULL || !runtime_ready(r) || (r == RUNTIME_NODE && c->heap_bytes != 0 && w->midden == buffers_midden))
        return false;
    return runtime_command(r, &work, &c->command);
}

/* Fills in what plays the workload; false when nothing does. `m` NULL: in a heap of the subject's own choice. */
static bool cast(struct heap_case *c, const struct heap_workload *w, const struct subject *s,
                 const struct heap_multiple *m)
{
    *c = (struct heap_case){.workload = w, .subject = s};
    if (m != NULL)
        c->heap_bytes = (size_t)(m->times * (double)w->live_bytes);
    snprintf(c->name, sizeof c->name, "heap/%s%s/%s", w->name, m != NULL ? m->name : "", s->name);
    switch (s->keeper) {
    case MIDDEN:
        c->body = w->midden;
        snprintf(c->options, sizeof c->options, "%s%s", s->options, m != NULL && *s->options != '\0' ? "," : "");
        if (m != NULL)
            heap_tight_options(c->heap_bytes, (size_t)w->live_bytes, c->options + strlen(c->options),
                               sizeof c->options - strlen(c->options));
        break;
    case BOEHM: c->body = boehm_get() != NULL ? w->boehm : NULL; break;
    case BY_HAND: c->body = w->by_hand; break;
    case NODE: return command_of(c, RUNTIME_NODE);
    case JAVA: return command_of(c, RUNTIME_JAVA);
    case OCAML: return command_of(c, RUNTIME_OCAML);
    }
    return c->body != NULL;
}

/* Of the variants of a heap of given size one multiple is enough; so large a heap is dear to repeat. */
static bool wanted(const struct heap_workload *w, const struct subject *s, const struct heap_multiple *m, bool full)
{
    if (m == NULL)
        return full || (w->quick && !s->variant);
    return full ? !s->variant || m->times == 3 : w->quick && m->quick && !s->variant;
}

/* What is dear to repeat is not repeated as often as the rest. */
static unsigned most_repetitions(const struct heap_case *made, bool full)
{
    enum { FEW = 3, SOME = 5, AS_MANY_AS_ALL = 0 };
    bool runs_elsewhere = made->command.argument[0] != NULL;
    return runs_elsewhere && !full ? FEW : runs_elsewhere || made->heap_bytes != 0 ? SOME : AS_MANY_AS_ALL;
}

static struct bench_case join(const struct heap_case *made, bool full)
{
    bool runs_elsewhere = made->command.argument[0] != NULL;
    return (struct bench_case){.name = made->name,
                               .title = made->workload->title,
                               .body = play,
                               .arg = made,
                               .command = runs_elsewhere ? made->command.argument : NULL,
                               .isolated = true,
                               .may_fail = made->heap_bytes != 0,
                               .most_repetitions = most_repetitions(made, full),
                               .iterations = 1,
                               .alone_iterations = 1};
}

size_t heap_cases_add(struct bench_case *cases, size_t capacity, bool full)
{
    static struct heap_case made[MOST];
    size_t n = 0;
    for (size_t i = 0; i < heap_workload_count; i++) {
        const struct heap_workload *w = &heap_workloads[i];
        size_t sizes = w->live_bytes != 0 ? heap_multiple_count : 1;
        for (size_t k = 0; k < sizes; k++)
            for (size_t s = 0; s < SUBJECTS; s++) {
                const struct heap_multiple *m = w->live_bytes != 0 ? &heap_multiples[k] : NULL;
                if (wanted(w, &subjects[s], m, full) && n < capacity && n < MOST && cast(&made[n], w, &subjects[s], m)) {
                    cases[n] = join(&made[n], full);
                    n++;
                }
            }
    }
    return n;
}
