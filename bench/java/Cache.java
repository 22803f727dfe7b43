// SPDX-License-Identifier: MIT
// heap_cache.c for Java, as one writes it there: a LinkedHashMap in the order of uses.
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

final class Cache {
    static int sum;

    static byte[] valueOf(int key) {
        byte[] value = new byte[128];
        Arrays.fill(value, (byte) key);
        return value;
    }

    public static void main(String[] arguments) {
        int size = Lib.begin(arguments);
        Map<Integer, byte[]> cache = new LinkedHashMap<>(16, 0.75f, true) {
            @Override protected boolean removeEldestEntry(Map.Entry<Integer, byte[]> eldest) {
                if (size() <= size) return false;
                sum = Lib.mix(sum, eldest.getKey());
                return true;
            }
        };
        Lib.play(size * 20 / 100, () -> {
            for (int i = 0; i < 100; i++) {
                int key = Lib.below(2 * size);
                byte[] value = cache.get(key);
                if (value != null) sum = Lib.mix(sum, value[127] & 255);
                else cache.put(key, valueOf(key));
            }
        }, () -> sum);
    }
}
