// SPDX-License-Identifier: MIT
// heap_gcbench.c for Java.
final class Gcbench {
    static final class Node {
        Node left, right;
        int i, j;
        Node(Node left, Node right) { this.left = left; this.right = right; }
    }

    static int nodes(int depth) { return (2 << depth) - 1; }
    static Node make(int depth) { return depth == 0 ? new Node(null, null) : new Node(make(depth - 1), make(depth - 1)); }
    static void populate(int depth, Node node) {
        if (depth == 0) return;
        node.left = new Node(null, null);
        node.right = new Node(null, null);
        populate(depth - 1, node.left);
        populate(depth - 1, node.right);
    }

    public static void main(String[] arguments) {
        Lib.begin(arguments);
        Lib.measure(() -> {
            make(18);
            Node livesOn = new Node(null, null);
            populate(16, livesOn);
            double[] array = new double[500000];
            for (int i = 1; i < array.length / 2; i++) array[i] = 1.0 / i;
            for (int depth = 4; depth <= 16; depth += 2) {
                int trees = 2 * nodes(18) / nodes(depth);
                for (int i = 0; i < trees; i++) populate(depth, new Node(null, null));
                for (int i = 0; i < trees; i++) make(depth);
            }
            if (livesOn.left == null || array[1000] != 1.0 / 1000) throw new IllegalStateException("what lives on has changed");
        }, null, null);
    }
}
