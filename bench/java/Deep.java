// SPDX-License-Identifier: MIT
// heap_deep.c for Java.
final class Deep {
    static final class Node {
        final Node next;
        final long value;
        Node(Node next, long value) { this.next = next; this.value = value; }
    }

    static Node old, young;
    static int length;

    static int sumOf(Node list, int sum) {
        for (Node n = list; n != null; n = n.next) sum = Lib.mix(sum, (int) n.value);
        return sum;
    }

    public static void main(String[] arguments) {
        int size = Lib.begin(arguments);
        for (int i = 0; i < size; i++) old = new Node(old, Lib.below(1 << 20));
        Lib.play(size / 500 * 4, () -> {
            if (length == size) { young = null; length = 0; }
            for (int i = 0; i < 500; i++, length++) young = new Node(young, Lib.below(1 << 20));
        }, () -> sumOf(young, sumOf(old, 0)));
    }
}
