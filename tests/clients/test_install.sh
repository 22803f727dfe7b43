#!/bin/sh
# `make install` into a directory of its own, and what a stranger does then: builds programs in C and C++ by pkg-config
# and by find_package, shared and static, runs them, and runs the command.
. tests/support/tap.sh
case $MODE in asan | tsan) skip_all "a library with a sanitizer in it is not installed" ;; esac

stage=$tmp/stage prefix=/opt/midden libdir=/opt/midden/lib/here
version=$(sed -n 's/^.define MID_VERSION_[A-Z]* //p' alloc/base/include/midden/base.h | paste -sd .)
series=${version%.*}
here=tests/clients/stranger

check "make install" make -s install BUILD="$BUILD" MODE="$MODE" CC="${CC:-cc}" \
    DESTDIR="$stage" PREFIX="$prefix" LIBDIR="$libdir"
root=$stage$prefix lib=$stage$libdir

same "nothing lies outside the prefix" "opt" "$(ls "$stage")"
same "the tree" "bin include lib share" "$(ls "$root" | tr '\n' ' ' | sed 's/ $//')"
same "the header directory" "$(ls alloc/base/include/midden/*.h alloc/include/midden/*.h gc/include/midden/*.h heapdump/include/midden/*.h | xargs -n 1 basename | sort)" \
    "$(ls "$root/include/midden" | sort)"
same "internal headers stay at home" "" "$(find "$root/include" -name internal)"
same "libmidden.so leads to the library by its SONAME" "libmidden.so.$series libmidden.so.$version" \
    "$(readlink "$lib/libmidden.so") $(readlink "$lib/libmidden.so.$series" || true)"
soname=$(objdump -p "$lib/libmidden.so" | sed -n 's/^ *SONAME *//p')
same "the SONAME" "libmidden.so.$series" "$soname"
same "no path of the stage in a file" "" "$(grep -rl "$stage" "$root/lib" "$root/share" 2>/dev/null)"
same "no template is left unfilled" "" "$(grep -rlI '@[A-Z_]*@' "$lib/pkgconfig" "$lib/cmake" "$root/share/man")"
for file in share/man/man1/midden.1 share/bash-completion/completions/midden share/zsh/site-functions/_midden \
    share/fish/vendor_completions.d/midden.fish; do
    check "$file" test -s "$root/$file"
done

# ---- the command, from where it is installed
same "the command's version" "midden $version" "$("$root/bin/midden" --version)"
check "the command needs no libmidden.so" sh -c "! objdump -p '$root/bin/midden' | grep -q 'NEEDED.*libmidden'"

# ---- pkg-config
if command -v pkg-config >/dev/null; then
    PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$stage
    export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
    same "pkg-config: version" "$version" "$(pkg-config --modversion midden)"
    cflags=$(pkg-config --cflags midden) libs=$(pkg-config --libs midden)
    static=$(pkg-config --static --libs midden | sed 's/-lmidden/-l:libmidden.a/')
    # shellcheck disable=SC2086
    for language in c99 c17; do
        check "C ($language), shared" "${CC:-cc}" -std=$language -Wall -Wextra -pedantic -Werror $cflags -o "$tmp/list" "$here/list.c" $libs
        same "it runs" "midden $version, $version" "$(LD_LIBRARY_PATH=$lib "$tmp/list" "$tmp/list.heapsnapshot")"
    done
    # shellcheck disable=SC2086
    check "C, static" "${CC:-cc}" -std=c11 -Wall -Wextra -pedantic -Werror $cflags -o "$tmp/list" "$here/list.c" $static
    same "it runs" "midden $version, $version" "$("$tmp/list" "$tmp/list.heapsnapshot")"
    # shellcheck disable=SC2086
    for language in c99 c17; do
        check "a heap in C ($language), shared" "${CC:-cc}" -O2 -std=$language -Wall -Wextra -pedantic -Werror $cflags -o "$tmp/heap" "$here/heap.c" $libs
        same "it runs" "midden $version, 99400500" "$(LD_LIBRARY_PATH=$lib "$tmp/heap" "$tmp/heap.heapsnapshot")"
    done
    # shellcheck disable=SC2086
    check "a heap in C, static" "${CC:-cc}" -std=c11 $cflags -o "$tmp/heap" "$here/heap.c" $static
    same "it runs" "midden $version, 99400500" "$("$tmp/heap" "$tmp/heap.heapsnapshot")"
    same "its snapshot has the list and nothing dead" '"count":999' \
        "$("$root/bin/midden" summary --json "$tmp/heap.heapsnapshot" | grep '"name":"Item"' | grep -o '"count":[0-9]*')"
    # shellcheck disable=SC2086
    check "a program that opens the library itself" "${CC:-cc}" -std=c11 -Wall -Wextra -pedantic -Werror $cflags -o "$tmp/plugin" "$here/plugin.c" -ldl -lpthread
    same "it closes the library before its thread ends" "used and closed" "$("$tmp/plugin" "$lib/libmidden.so")"
    if command -v c++ >/dev/null; then
        # shellcheck disable=SC2086
        for language in c++11 c++17; do
            check "C++ ($language), shared" c++ -std=$language -Wall -Wextra -pedantic -Werror $cflags -o "$tmp/pool" "$here/pool.cc" $libs
            same "it runs" "midden $version, 1000 squares" "$(LD_LIBRARY_PATH=$lib "$tmp/pool")"
        done
        # shellcheck disable=SC2086
        check "C++, static" c++ -std=c++11 $cflags -o "$tmp/pool" "$here/pool.cc" $static
        same "it runs" "midden $version, 1000 squares" "$("$tmp/pool")"
    else
        skip "C++" "no c++"
    fi
    same "the installed command opens the stranger's snapshot" '"count":10,"shallow":100,"retained":100' \
        "$("$root/bin/midden" summary --json "$tmp/list.heapsnapshot" | grep '"name":"Item"' | grep -o '"count.*[0-9]')"
else
    skip "pkg-config" "not installed"
fi

# ---- CMake
if command -v cmake >/dev/null && command -v c++ >/dev/null; then
    configure() { # what version is asked for
        rm -rf "$tmp/cmake"
        CC=${CC:-cc} cmake -S "$here" -B "$tmp/cmake" -DCMAKE_PREFIX_PATH="$root" -Dmidden_DIR="$lib/cmake/midden" -DASK="$1"
    }
    refused() { ! configure "$@"; }
    check "find_package(midden $series)" configure "$series"
    check "it builds" cmake --build "$tmp/cmake"
    for program in list list_static; do
        same "$program runs" "midden $version, $version" "$("$tmp/cmake/$program" "$tmp/list.heapsnapshot")"
    done
    same "pool runs" "midden $version, 1000 squares" "$("$tmp/cmake/pool")"
    same "heap runs" "midden $version, 99400500" "$("$tmp/cmake/heap" "$tmp/heap.heapsnapshot")"
    check "a newer one is not there" refused 99.0
    check "the next minor one is not there" refused "${version%%.*}.99"
    check "any will do" configure ""
    mv "$stage" "$tmp/moved"
    stage=$tmp/moved root=$tmp/moved$prefix lib=$tmp/moved$libdir
    check "the tree may be moved" configure "$series"
else
    skip "find_package" "no cmake"
fi

# ---- a second place, with the usual layout
check "make install with defaults" make -s install BUILD="$BUILD" MODE="$MODE" CC="${CC:-cc}" DESTDIR="$tmp/usual"
check "the library lies in /usr/local/lib" test -f "$tmp/usual/usr/local/lib/libmidden.a"

# ---- manual and completions speak of what the command has
manual=heapdump/man/midden.1
for verb in $("$midden" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    check "the manual has $verb" grep -q "^.B $verb\$" $manual
    for file in heapdump/completions/*; do
        check "$(basename $file) completes $verb" grep -qw "$verb" "$file"
    done
    for option in $("$midden" "$verb" --help | grep -o -e '--[a-z-]*' | sort -u); do
        check "the manual has $verb $option" grep -q "$(printf %s "$option" | sed 's/-/\\\\-/g')" $manual
        for file in heapdump/completions/*; do
            check "$(basename $file) completes $verb $option" grep -q -e "${option#--}" "$file"
        done
    done
done
if command -v man >/dev/null; then
    same "the manual is clean roff" "" "$(LC_ALL=C.UTF-8 MANWIDTH=100 man -l --warnings=w $manual 2>&1 >/dev/null)"
else
    skip "the manual is clean roff" "no man"
fi
if command -v bash >/dev/null; then
    complete() { # words...: what bash would offer for the last one
        bash -c '. heapdump/completions/midden.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _midden 2>/dev/null; echo "${COMPREPLY[*]}"' midden "$@"
    }
    same "bash: verbs" "summary suspects" "$(complete midden su)"
    same "bash: verbs behind help" "summary suspects" "$(complete midden help su)"
    same "bash: options" "--synthetic" "$(complete midden top --sy)"
    same "bash: orders" "delta_size delta" "$(complete midden diff --sort = d)"
    same "bash: colours" "always" "$(complete midden diff --color = al)"
    same "bash: files" "tests/golden/fixtures/tiny1-compact6.heapsnapshot tests/golden/fixtures/tiny1.heapsnapshot" \
        "$(complete midden top tests/golden/fixtures/tiny1)"
fi

finish
