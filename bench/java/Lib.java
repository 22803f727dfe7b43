// SPDX-License-Identifier: MIT
//
// Lib.java: times a program and prints its figures as `bench --alone` does: the Java half of node/lib.js.
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

final class Lib {
    private static final com.sun.management.OperatingSystemMXBean SYSTEM =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private static long zero; // what was resident before the program did anything
    private static int random = 0x2545f491;

    private Lib() {}

    // The first line of each program. Returns the size of the workload.
    static int begin(String[] arguments) {
        zero = statusBytes("VmRSS");
        Thread.setDefaultUncaughtExceptionHandler((thread, error) -> {
            if (error instanceof OutOfMemoryError) System.out.println("failed java: out of memory: " + error.getMessage());
            else error.printStackTrace();
            System.out.flush();
            Runtime.getRuntime().halt(1);
        });
        return Integer.parseInt(arguments[0]);
    }

    private static long statusBytes(String field) {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status")))
                if (line.startsWith(field + ":")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
        } catch (java.io.IOException e) {
            return 0;
        }
        return 0;
    }

    // As heap_below of heap_support.h.
    static int below(int bound) {
        random ^= random << 13;
        random ^= random >>> 17;
        random ^= random << 5;
        return (int) (((random & 0xffffffffL) * bound) >>> 32);
    }

    // As heap_mix of heap_support.h: a checksum of what was read.
    static int mix(int sum, int value) {
        return (sum * 31 + value) & 0x1fffffff;
    }

    interface Work { void run(); }
    interface Sum { int of(); }

    // Runs `work` once and prints; then `after`, untimed, whose value is the counter `checksum`; or null. `steps` or null: how
    // long each step took.
    static void measure(Work work, Sum after, long[] steps) {
        long cpu = SYSTEM.getProcessCpuTime(), wall = System.nanoTime();
        work.run();
        long wallNs = System.nanoTime() - wall, cpuNs = SYSTEM.getProcessCpuTime() - cpu;
        StringBuilder out = new StringBuilder();
        out.append("iterations 1\nwall_ns ").append(wallNs).append("\ncpu_ns ").append(cpuNs).append('\n');
        if (after != null) out.append("counter checksum ").append(after.of()).append('\n');
        out.append("peak_bytes ").append(statusBytes("VmHWM") - zero).append('\n');
        out.append("resident_bytes ").append(statusBytes("VmRSS") - zero).append("\nlive_bytes 0\n");
        if (steps != null) stepLines(out, steps);
        System.out.print(out);
        System.out.flush();
    }

    // A program of equal steps, as heap_play of heap_support.h.
    static void play(int count, Work step, Sum sum) {
        long[] steps = new long[count];
        measure(() -> {
            long last = System.nanoTime();
            for (int i = 0; i < count; i++) {
                step.run();
                long now = System.nanoTime();
                steps[i] = now - last;
                last = now;
            }
        }, sum, steps);
    }

    private static long at(long[] sorted, double share) {
        return sorted[Math.min(sorted.length - 1, (int) (share * sorted.length))];
    }

    private static void stepLines(StringBuilder out, long[] steps) {
        long[] sorted = steps.clone();
        Arrays.sort(sorted);
        Map<String, Double> shares = new TreeMap<>(Map.of("p50", 0.5, "p999", 0.999, "p9999", 0.9999, "max", 1.0));
        shares.forEach((name, share) -> out.append("counter step_").append(name).append("_wall_ns ").append(at(sorted, share)).append('\n'));
        long[] begin = new long[steps.length], end = new long[steps.length];
        long median = at(sorted, 0.5), now = 0;
        int pauses = 0;
        for (long step : steps) { // what a step takes beyond the median counts as a pause
            if (step > median) { begin[pauses] = now + median; end[pauses++] = now + step; }
            now += step;
        }
        for (long ms : new long[] {1, 5, 20, 100}) {
            double share = utilisation(begin, end, pauses, Math.min(ms * 1000000, now));
            out.append(String.format(Locale.ROOT, "counter mmu_%dms_wall %.6f\n", ms, share));
        }
    }

    // The least share of a window that is left: it begins or ends with a pause.
    private static double utilisation(long[] begin, long[] end, int pauses, long window) {
        long most = 0;
        for (int i = 0, last = 0; i < pauses; i++) {
            long to = begin[i] + window, inside = 0;
            for (last = i; last < pauses && begin[last] < to; last++) inside += Math.min(end[last], to) - begin[last];
            most = Math.max(most, inside);
        }
        for (int i = 0; i < pauses; i++) {
            long from = end[i] - window, inside = 0;
            for (int k = i; k >= 0 && end[k] > from; k--) inside += end[k] - Math.max(begin[k], from);
            most = Math.max(most, inside);
        }
        return Math.max(0, 1 - (double) most / window);
    }
}
