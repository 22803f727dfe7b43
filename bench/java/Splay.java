// SPDX-License-Identifier: MIT
// heap_splay.c for Java: top-down splaying (Sleator and Tarjan 1985).
import java.nio.charset.StandardCharsets;

final class Splay {
    static final int TREE_NODES = 8000, PAYLOAD_DEPTH = 5;
    static final byte[] TEXT = java.util.Arrays.copyOf("String for a key in a leaf node".getBytes(StandardCharsets.US_ASCII), 40);

    static final class Pair {
        Object first, second;
    }

    static final class Node {
        Node left, right;
        final Pair payload;
        final double key;
        Node(double key) { this.key = key; this.payload = payload(PAYLOAD_DEPTH); }
    }

    static Pair payload(int depth) {
        Pair pair = new Pair();
        if (depth == 0) {
            long[] array = new long[10];
            for (int i = 0; i < array.length; i++) array[i] = i;
            pair.first = array;
            pair.second = TEXT.clone();
        } else {
            pair.first = payload(depth - 1);
            pair.second = payload(depth - 1);
        }
        return pair;
    }

    static Node splay(Node t, double key) {
        Node leftRoot = null, leftLast = null, rightRoot = null, rightLast = null;
        for (;;) {
            if (key < t.key) {
                if (t.left == null) break;
                if (key < t.left.key) {
                    Node up = t.left;
                    t.left = up.right;
                    up.right = t;
                    t = up;
                    if (t.left == null) break;
                }
                if (rightLast == null) rightRoot = t; else rightLast.left = t;
                rightLast = t;
                t = t.left;
            } else if (key > t.key) {
                if (t.right == null) break;
                if (key > t.right.key) {
                    Node up = t.right;
                    t.right = up.left;
                    up.left = t;
                    t = up;
                    if (t.right == null) break;
                }
                if (leftLast == null) leftRoot = t; else leftLast.right = t;
                leftLast = t;
                t = t.right;
            } else break;
        }
        if (leftLast != null) { leftLast.right = t.left; t.left = leftRoot; }
        if (rightLast != null) { rightLast.left = t.right; t.right = rightRoot; }
        return t;
    }

    static Node insert(Node root, Node node) {
        if (root == null) return node;
        root = splay(root, node.key);
        if (node.key > root.key) { node.left = root; node.right = root.right; root.right = null; }
        else { node.right = root; node.left = root.left; root.left = null; }
        return node;
    }

    static Node removeRoot(Node root) {
        if (root.left == null) return root.right;
        Node left = splay(root.left, root.key);
        left.right = root.right;
        return left;
    }

    static Node fresh() { return new Node(Lib.below(1 << 21) * 2097152.0 + Lib.below(1 << 21)); }

    static Node change(Node root) {
        root = insert(root, fresh());
        Node victim = root.left;
        if (victim != null) {
            while (victim.right != null) victim = victim.right;
            root = splay(root, victim.key);
        }
        return removeRoot(root);
    }

    static Node root;

    public static void main(String[] arguments) {
        int size = Lib.begin(arguments);
        for (int i = 0; i < TREE_NODES; i++) root = insert(root, fresh());
        Lib.play(size, () -> root = change(root), null);
        int count = 0;
        for (; root != null; count++) root = removeRoot(root);
        if (count != TREE_NODES) throw new IllegalStateException("the tree has lost nodes");
    }
}
