// SPDX-License-Identifier: MIT
// heap_churn.c for Java. A leaf is twelve numbers: 96 bytes of content as there.
final class Churn {
    static final class Node {
        Node first, second;
        long[] leaf;
        final long id;
        Node(long id) { this.id = id; this.leaf = leafOf(id); }
    }

    static long[] leafOf(long id) {
        long[] leaf = new long[12];
        leaf[0] = id;
        return leaf;
    }

    public static void main(String[] arguments) {
        int size = Lib.begin(arguments);
        Node[] table = new Node[size];
        for (int i = 0; i < size; i++) table[i] = new Node(i);
        for (int i = 0; i < size; i++) {
            table[i].first = table[Lib.below(size)];
            table[i].second = table[Lib.below(size)];
        }
        Lib.play(size / 35, () -> {
            for (int k = 0; k < 100; k++) {
                Node node = table[Lib.below(size)];
                node.leaf = leafOf(node.id);
                node.first = table[Lib.below(size)];
            }
        }, null);
        for (int i = 0; i < size; i++)
            if (table[i].id != i || table[i].leaf[0] != i) throw new IllegalStateException("a node has lost its leaf");
    }
}
