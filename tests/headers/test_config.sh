#!/bin/sh
# SPDX-License-Identifier: MIT
# What make finds out about the machine: packages that come after the first `make` are seen by the next, in any order of
# goals; and as long as no answer changes nothing is compiled again. The compiler here is one that lacks check.h until
# the file `came` is there.
. tests/support/tap.sh

export came="$tmp/came" # read by the compiler
cat >"$tmp/cc" <<'END'
#!/bin/sh
input=$(cat)
case $input in *'<check.h>'*) [ -f "$came" ] || exit 1 ;; esac
END
chmod +x "$tmp/cc"
config=$tmp/build/config.mk
configure() { # what make says
    make -s BUILD="$tmp/build" CC="$tmp/cc" PACKAGES="$tmp/status" "$@" "$config" 2>&1
}
have_check() { sed -n 's/^HAVE_CHECK := *//p' "$config"; }

: >"$tmp/status"
same "the first make says what it found" "features: zlib ncurses jansson valgrind" "$(configure | sed 's/ *$//')"
same "check is not there" "" "$(have_check)"
same "a second make says nothing" "" "$(configure)"
packages_come() { # after the Makefile and what make has written
    touch -r Makefile -d '+1 second' "$config" "$config.probed"
    touch -r Makefile -d '+2 seconds' "$tmp/status"
}
packages_come
before=$(stat -c %y "$config")
same "packages came, but none of ours" "" "$(configure)"
same "nothing is compiled again" "$before" "$(stat -c %y "$config")"
: >"$came"
packages_come
same "check came" "features: zlib ncurses check jansson valgrind" "$(configure | sed 's/ *$//')"
same "it is seen" 1 "$(have_check)"
rm "$came" "$config"
same "another option asks anew" "features: ncurses jansson valgrind" "$(configure WITH_ZLIB=0 | sed 's/ *$//')"
finish
