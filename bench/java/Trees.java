// SPDX-License-Identifier: MIT
// heap_trees.c for Java.
final class Trees {
    static final class Node {
        final Node left, right;
        Node(Node left, Node right) { this.left = left; this.right = right; }
    }

    static Node build(int depth) { return depth == 0 ? new Node(null, null) : new Node(build(depth - 1), build(depth - 1)); }
    static long count(Node node) { return node == null ? 0 : 1 + count(node.left) + count(node.right); }

    public static void main(String[] arguments) {
        int size = Lib.begin(arguments);
        Lib.measure(() -> {
            long counted = count(build(size + 1)), expected = (4L << size) - 1;
            Node livesOn = build(size);
            for (int depth = 4; depth <= size; depth += 2) {
                int trees = 1 << (size - depth + 4);
                expected += trees * ((2L << depth) - 1);
                for (int i = 0; i < trees; i++) counted += count(build(depth));
            }
            if (counted != expected || count(livesOn) != (2L << size) - 1) throw new IllegalStateException("the trees lack nodes");
        }, null, null);
    }
}
