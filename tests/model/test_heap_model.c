/* SPDX-License-Identifier: MIT
 * A random program on the heap against its twin, under several policies. SEED replays, TEST_SCALE lengthens. */
#include "heap_model.h"
#include "suite.h"

static const char *const policies[] = {
    "semispace=64K,growth-min=64K,mark-step=200,verify=none",
    "semispace=64K,growth-min=64K,mark-step=1",
    "semispace=256K,marking=stop,growth-min=128K",
    "semispace=64K,promotion=to-space,promote-to=5,mark-step=1000",
    "semispace=128K,promotion=survived,promote-age=4,mark-step=5000",
    "semispace=1M,semispace-start=64K,mark-stack=4K,growth-min=64K",
    "semispace=64K,external-step=4K,mark-step=3000",
    "semispace=64K,growth-min=64K,compaction=always,mark-step=2000",
    "semispace=64K,growth-min=64K,compaction=always,marking=stop,old-limit=40M",
    "semispace=64K,growth-min=64K,compaction=slide,marking=stop",
    "growth-min=64K,stack-scan=on,mark-step=2000",
    "growth-min=64K,stack-scan=on,compaction=slide,marking=stop",
    "semispace=64K,growth-min=64K,mark-step=2000,helper-threads=1",
    "semispace=64K,growth-min=64K,mark-step=200,helper-threads=3,verify=none",
    "semispace=64K,growth-min=64K,marking=stop,compaction=always,helper-threads=3",
    "semispace=64K,growth-min=64K,mark-step=1000,mark-stack=4K,helper-threads=2",
    "growth-min=64K,stack-scan=on,mark-step=2000,helper-threads=2",
};
enum { POLICIES = sizeof policies / sizeof policies[0] };

START_TEST(random_program__against_its_twin__agrees)
{
    uint64_t seed = test_seed("heap_model") + (uint64_t)_i * 1000003;
    heap_model_run(policies[_i], seed, test_rounds(_i == 0 ? 60000 : 4000), 500);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_model");
    tcase_add_loop_test(c, random_program__against_its_twin__agrees, 0, POLICIES);
    return run_suite("heap_model", c, NULL);
}
