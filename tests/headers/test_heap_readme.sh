#!/bin/sh
# The program in gc/README.md compiles without a warning and does what it says; the table of options is the real one.
. tests/support/tap.sh

awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' gc/README.md >"$tmp/example.c"
includes='-Ialloc/base/include -Ialloc/include -Igc/include'
sanitizer=
case $MODE in
asan) sanitizer=-fsanitize=address,undefined ;;
tsan) sanitizer=-fsanitize=thread ;;
esac
# shellcheck disable=SC2086
check "the example compiles" ${CC:-cc} -std=c99 -Wall -Wextra -Werror -pedantic $sanitizer $includes -o "$tmp/example" \
    "$tmp/example.c" "$O/libmidden.a" -lpthread
same "the example prints its last value" 999999 "$("$tmp/example")"

# Each row's key and default, tried through the library's own reader; and each key of the source has a row.
awk -F'[|`]' '/^\| `/ { gsub(/ /, "", $5); if ($5 != "-") print $3 "=" $5 }' gc/README.md >"$tmp/rows"
cat >"$tmp/try.c" <<'END'
#include <midden/heap.h>
int main(int count, char **words)
{
    struct mid_heap_options options;
    mid_heap_options_init(&options);
    for (int i = 1; i < count; i++)
        if (mid_heap_options_parse(&options, words[i], NULL) != MID_OK)
            return i;
    return 0;
}
END
# shellcheck disable=SC2086
check "the reader compiles" ${CC:-cc} -std=c99 $sanitizer $includes -o "$tmp/try" "$tmp/try.c" "$O/libmidden.a" -lpthread
# shellcheck disable=SC2046
check "every default in the table is read" "$tmp/try" $(cat "$tmp/rows")
same "the table has every key" "$(sed -n 's/^    {"\([a-z-]*\)", AT(.*/\1/p' gc/options.c | sort)" \
    "$(awk -F'[|`]' '/^\| `/ { print $3 }' gc/README.md | sort)"
finish
