// SPDX-License-Identifier: MIT
// heap_strings.c for Java.
final class Strings {
    public static void main(String[] arguments) {
        int size = Lib.begin(arguments);
        String[] table = new String[size];
        for (int i = 0; i < size; i++) {
            char[] text = new char[48];
            for (int k = 0; k < text.length; k++) text[k] = (char) (97 + Lib.below(26));
            table[i] = new String(text);
        }
        Lib.play(size * 20 / 100, () -> {
            for (int i = 0; i < 100; i++) {
                String a = table[Lib.below(size)], b = table[Lib.below(size)];
                int to = Lib.below(size), ofA = 1 + Lib.below(48), ofB = 1 + Lib.below(48);
                table[to] = new StringBuilder(96).append(a, 0, Math.min(ofA, a.length())).append(b, 0, Math.min(ofB, b.length())).toString();
            }
        }, () -> {
            int sum = 0;
            for (String s : table) sum = Lib.mix(Lib.mix(Lib.mix(sum, s.length()), s.charAt(0)), s.charAt(s.length() - 1));
            return sum;
        });
    }
}
