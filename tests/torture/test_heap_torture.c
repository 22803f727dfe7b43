/* SPDX-License-Identifier: MIT
 * The random program with a collection, or a step of one, at every allocation, in the smallest semispaces. */
#include "heap_model.h"
#include "suite.h"

static const struct {
    const char *options;
    unsigned long operations;
} modes[] = {
    {"semispace=64K,torture=scavenge,verify=none", 6000},
    {"semispace=64K,torture=full,verify=none", 2000},
    {"semispace=64K,torture=alternate", 600},
    {"semispace=64K,torture=full,compaction=always", 500},
    {"semispace=64K,torture=alternate,torture-every=5,compaction=always,verify=none", 5000},
    {"semispace=64K,torture=full,compaction=slide", 500},
    {"semispace=64K,torture=alternate,torture-every=5,compaction=slide,verify=none", 5000},
    {"semispace=64K,torture=step,mark-step=1,verify=none", 6000},
    {"semispace=64K,torture=step,mark-step=1", 700},
    {"semispace=64K,torture=step,torture-every=3,mark-step=1,mark-stack=4K", 700},
    {"semispace=64K,torture=scavenge,promotion=survived,promote-age=7", 700},
    {"semispace=64K,torture=alternate,helper-threads=1", 400},
    {"semispace=64K,torture=full,compaction=always,helper-threads=3,verify=none", 1000},
    {"semispace=64K,torture=step,mark-step=1,helper-threads=1", 700},
    {"semispace=64K,torture=step,torture-every=3,mark-step=1,helper-threads=3", 700},
    {"semispace=64K,torture=step,torture-every=2,mark-step=1,mark-stack=4K,helper-threads=2", 700},
};
enum { MODES = sizeof modes / sizeof modes[0] };

START_TEST(every_allocation__collects__and_the_twin_agrees)
{
    uint64_t seed = test_seed("heap_torture") + (uint64_t)_i * 1000003;
    heap_model_run(modes[_i].options, seed, test_rounds(modes[_i].operations), 150);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_torture");
    tcase_add_loop_test(c, every_allocation__collects__and_the_twin_agrees, 0, MODES);
    return run_suite("heap_torture", c, NULL);
}
