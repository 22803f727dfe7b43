// SPDX-License-Identifier: MIT
// heap_queue.c for Java.
import java.util.Arrays;

final class Queue {
    static final class Message {
        Message next;
        byte[] body;
        int id, bytes;
    }

    static Message head, tail;
    static int nextId, sum;

    static void put() {
        Message m = new Message();
        m.bytes = 32 + Lib.below(480);
        m.id = nextId++;
        m.body = new byte[m.bytes];
        Arrays.fill(m.body, (byte) m.id);
        if (tail == null) head = m; else tail.next = m;
        tail = m;
    }

    static void take() {
        sum = Lib.mix(sum, head.id + head.bytes + (head.body[head.bytes - 1] & 255));
        head = head.next;
    }

    public static void main(String[] arguments) {
        int size = Lib.begin(arguments);
        for (int i = 0; i < size; i++) put();
        Lib.play(size * 10 / 100, () -> { for (int i = 0; i < 100; i++) { put(); take(); } }, () -> sum);
    }
}
