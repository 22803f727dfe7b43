// SPDX-License-Identifier: MIT
// heap_buffers.c for Java: direct buffers, which lie outside the heap. Java writes their bytes a first time with zeros.
import java.nio.ByteBuffer;
import java.util.Arrays;

final class Buffers {
    static final byte[] FILL = new byte[4096];
    static int id, sum;

    static ByteBuffer make() {
        int bytes = 4096 + Lib.below(62 << 10), value = id++ & 255;
        ByteBuffer buffer = ByteBuffer.allocateDirect(bytes);
        Arrays.fill(FILL, (byte) value);
        while (buffer.hasRemaining()) buffer.put(FILL, 0, Math.min(FILL.length, buffer.remaining()));
        return buffer;
    }

    public static void main(String[] arguments) {
        int size = Lib.begin(arguments);
        ByteBuffer[] table = new ByteBuffer[size];
        for (int i = 0; i < size; i++) table[i] = make();
        Lib.play(2000, () -> {
            for (int i = 0; i < 10; i++) {
                ByteBuffer fresh = make();
                int at = Lib.below(size);
                ByteBuffer old = table[at];
                sum = Lib.mix(sum, old.capacity() + (old.get(old.capacity() - 1) & 255));
                table[at] = fresh;
            }
        }, () -> sum);
    }
}
