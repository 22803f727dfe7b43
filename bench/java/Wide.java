// SPDX-License-Identifier: MIT
// heap_wide.c for Java.
final class Wide {
    static final class Item {
        final long value;
        long other;
        Item(long value) { this.value = value; }
    }

    static final Item[][] arrays = new Item[4][];
    static int id, done;

    public static void main(String[] arguments) {
        int size = Lib.begin(arguments);
        for (int a = 0; a < arrays.length; a++) {
            arrays[a] = new Item[size];
            for (int i = 0; i < size; i++) arrays[a][i] = new Item(id++);
        }
        Lib.play(4000, () -> {
            for (int i = 0; i < 100; i++) {
                Item item = new Item(id++);
                Item[] array = arrays[Lib.below(4)];
                array[Lib.below(size)] = item;
            }
            if (++done % 40 == 0) arrays[done / 40 % 4] = arrays[done / 40 % 4].clone();
        }, () -> {
            int sum = 0;
            for (Item[] array : arrays) for (Item item : array) sum = Lib.mix(sum, (int) item.value);
            return sum;
        });
    }
}
