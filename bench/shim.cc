// SPDX-License-Identifier: MIT
//
// shim.cc: the one C++ file: Google Benchmark behind the C of bench.h and shim.h.
//
// Why so little: the library decides how many iterations fill the minimum time, starts and joins threads behind a
// barrier, interleaves the repetitions of all cases at random (so that a slow minute of the machine falls on every
// side), and reads the clocks. KeepRunningBatch hands the whole count to C at once, so the timed loop makes no call.
//
// The library tells a body neither which repetition it is nor that it is still looking for the count. Progress is
// therefore read off the counts: a run with a count that its case had before is a further repetition.
//
// It does not print and does not write files: every sample goes to the plan's callback.

#include "shim.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <unistd.h>
#include <vector>

struct bench_run {
    benchmark::State *state;
    struct bench_memory *memory; // NULL but on thread 0 of a case that runs alone
    double zero_bytes;
    double told_bytes; // by bench_memory_peak
};

namespace
{

struct progress {
    uint64_t count = 0;
    uint64_t done = 0;
};

struct session {
    const bench_case *cases;
    const size_t *chosen;
    size_t size;
    const bench_plan *plan;
    bench_memory *memory;
    std::vector<progress> seen;
};

// A figure in KiB of a file of /proc; 0 when it is not there.
double proc_bytes(const char *path, const char *field)
{
    FILE *f = std::fopen(path, "r");
    char line[256];
    double kib = 0;
    size_t length = std::strlen(field);
    while (f != nullptr && std::fgets(line, sizeof line, f) != nullptr)
        if (std::strncmp(line, field, length) == 0 && std::sscanf(line + length, " %lf", &kib) == 1)
            break;
    if (f != nullptr)
        std::fclose(f);
    return kib * 1024;
}

// Exact, and slow: the cheaper VmRSS may be off by some hundred KiB.
double resident_now()
{
    return proc_bytes("/proc/self/smaps_rollup", "Rss:");
}

// Sets the kernel's high-water mark of the resident set to what is resident now.
void reset_peak()
{
    if (FILE *f = std::fopen("/proc/self/clear_refs", "w")) {
        std::fputs("5", f);
        std::fclose(f);
    }
}

void tell_progress(session &s, size_t i, uint64_t count)
{
    if (s.plan->on_progress == nullptr)
        return;
    progress &p = s.seen[i];
    p.done = p.count == count ? p.done + 1 : 0;
    p.count = count;
    uint64_t done = 0;
    for (const progress &each : s.seen)
        done += each.done;
    s.plan->on_progress(s.plan->user, s.chosen[i], done, s.size * s.plan->repetitions);
}

void play(session &s, size_t i, benchmark::State &state)
{
    const bench_case &c = s.cases[s.chosen[i]];
    if (state.thread_index() == 0)
        tell_progress(s, i, static_cast<uint64_t>(state.max_iterations));
    bench_run run = {&state, s.plan->alone && state.thread_index() == 0 ? s.memory : nullptr, 0, 0};
    bench_memory_mark(&run);
    c.body(&run, c.arg);
    if (run.memory != nullptr)
        run.memory->peak_bytes = run.told_bytes != 0 ? run.told_bytes
                                                     : std::max(proc_bytes("/proc/self/status", "VmHWM:") - run.zero_bytes,
                                                                run.memory->resident_bytes);
}

class collector : public benchmark::BenchmarkReporter
{
  public:
    explicit collector(session &s) : session_(s) {}
    bool ReportContext(const Context &) override { return true; }

    void ReportRuns(const std::vector<Run> &runs) override
    {
        for (const Run &run : runs)
            if (run.run_type == Run::RT_Iteration)
                pass_on(run);
    }

  private:
    void pass_on(const Run &run)
    {
        size_t i = 0;
        while (i < session_.size && run.run_name.function_name != session_.cases[session_.chosen[i]].name)
            i++;
        if (i == session_.size)
            return;
        bench_sample sample = {};
        sample.iterations = static_cast<uint64_t>(run.iterations);
        sample.wall_s = run.real_accumulated_time;
        sample.cpu_s = run.cpu_accumulated_time;
        sample.failed = run.error_occurred ? run.error_message.c_str() : nullptr;
        for (const auto &counter : run.counters)
            if (sample.counters < BENCH_COUNTERS)
                sample.counter[sample.counters++] = {counter.first.c_str(), counter.second.value};
        session_.plan->on_sample(session_.plan->user, session_.chosen[i], &sample);
    }
    session &session_;
};

void enter(session &s, size_t i)
{
    const bench_case &c = s.cases[s.chosen[i]];
    auto *b = benchmark::RegisterBenchmark(c.name, [&s, i](benchmark::State &state) { play(s, i, state); });
    uint64_t fixed = s.plan->alone ? s.plan->alone_iterations : c.iterations;
    if (fixed != 0)
        b->Iterations(static_cast<benchmark::IterationCount>(fixed));
    if (c.threads > 1)
        b->Threads(static_cast<int>(c.threads));
    if (c.wall || c.threads > 1)
        b->UseRealTime();
}

} // namespace

extern "C" uint64_t bench_count(struct bench_run *run)
{
    uint64_t all = static_cast<uint64_t>(run->state->max_iterations);
    bool more = run->state->KeepRunningBatch(run->state->max_iterations);
    return more ? all : 0;
}

extern "C" unsigned bench_thread(const struct bench_run *run)
{
    return static_cast<unsigned>(run->state->thread_index());
}

extern "C" void bench_counter(struct bench_run *run, const char *name, double value)
{
    run->state->counters[name] = value;
}

extern "C" void bench_fail(struct bench_run *run, const char *why)
{
    run->state->SkipWithError(why);
}

extern "C" void bench_memory_mark(struct bench_run *run)
{
    if (run->memory == nullptr)
        return;
    reset_peak();
    run->zero_bytes = resident_now();
}

extern "C" void bench_memory_live(struct bench_run *run, double live_bytes)
{
    if (run->memory == nullptr)
        return;
    run->memory->resident_bytes = bench_memory_resident(run);
    run->memory->live_bytes = live_bytes;
}

extern "C" void bench_memory_peak(struct bench_run *run, double bytes)
{
    run->told_bytes = bytes;
}

extern "C" double bench_memory_resident(struct bench_run *run)
{
    return run->memory == nullptr ? 0 : resident_now() - run->zero_bytes;
}

extern "C" bool bench_is_alone(const struct bench_run *run)
{
    return run->memory != nullptr;
}

extern "C" void bench_execute(const struct bench_case *cases, const size_t *chosen, size_t count,
                              const struct bench_plan *plan, struct bench_memory *memory)
{
    session s = {cases, chosen, count, plan, memory, std::vector<progress>(count)};
    std::string repetitions = "--benchmark_repetitions=" + std::to_string(plan->alone ? 1 : plan->repetitions);
    std::string min_time = "--benchmark_min_time=" + std::to_string(plan->min_time_s);
    char name[] = "bench", order[] = "--benchmark_enable_random_interleaving=true";
    char *argv[] = {name, order, &repetitions[0], &min_time[0], nullptr};
    int argc = 4;
    benchmark::Initialize(&argc, argv);
    for (size_t i = 0; i < count; i++)
        enter(s, i);
    collector reporter(s);
    benchmark::RunSpecifiedBenchmarks(&reporter, ".");
    benchmark::ClearRegisteredBenchmarks();
}
