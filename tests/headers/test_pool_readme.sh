#!/bin/sh
# The server in alloc/README.md compiles without a warning and serves; the tables of options and reports are the real ones.
. tests/support/tap.sh

awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' alloc/README.md >"$tmp/serve.c"
cat >>"$tmp/serve.c" <<'END'
#include <string.h>
#include <sys/socket.h>

int main(void)
{
    int ends[2];
    char text[100] = "";
    struct mid_pool *pool;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || mid_pool_create(NULL, &pool) != MID_OK)
        return 1;
    if (write(ends[0], "one\ntwo\nrest", 12) != 12 || shutdown(ends[0], SHUT_WR) != 0)
        return 2;
    if (serve(pool, ends[1]) != MID_OK || read(ends[0], text, sizeof text - 1) != 12)
        return 3;
    if (strcmp(text, "> one\n> two\n") != 0)
        return 4;
    return mid_pool_destroy(pool, NULL) == MID_OK ? 0 : 5;
}
END
sanitizer=
case $MODE in
asan) sanitizer=-fsanitize=address,undefined ;;
tsan) sanitizer=-fsanitize=thread ;;
esac
# shellcheck disable=SC2086
check "the server compiles" ${CC:-cc} -std=c99 -D_GNU_SOURCE -Wall -Wextra -Werror -pedantic $sanitizer -Ialloc/base/include \
    -Ialloc/include -o "$tmp/serve" "$tmp/serve.c" "$O/libmidden.a" -lpthread
check "the server serves and gives everything back" "$tmp/serve"

sed -n '/^struct mid_pool_options {/,/^};/p' alloc/include/midden/pool.h |
    sed -n 's/^    [a-z0-9_ ]*[ *]\([a-z_]*\);.*/\1/p' | grep -v -e '_user$' -e struct_size | sort >"$tmp/fields"
awk -F'[|`]' '/^## /{ on = /^## Options/ } on && /^\| `/ { print $3; if ($4 == ", ") print $5 }' alloc/README.md | sort >"$tmp/rows"
same "the table has every option" "$(cat "$tmp/fields")" "$(cat "$tmp/rows")"
for rule in $(grep -ho '"\(pool\|slice\|handle\)\.[a-z_]*"' alloc/*.c | tr -d '"' | sort -u | grep -v -e '^pool.record$' -e '\.[ch]$'); do
    check "$rule is in the README" grep -q "\`$rule\`" alloc/README.md
done
finish
