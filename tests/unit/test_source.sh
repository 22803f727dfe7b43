#!/bin/sh
# SPDX-License-Identifier: MIT
# What the sources promise about themselves: licence lines, notes that exist where they are cited, files of one idea.
# The last four cases run each check on a file that breaks it: it must see it.
set -u
n=0 failed=0
# result NAME FINDINGS: one TAP line; any finding is a failure.
result() {
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        failed=1
        echo "not ok $n - $1"
        echo "$2" | sed 's/^/# /'
    fi
}

sources() { find "${1:-.}" \( -name '*.c' -o -name '*.h' -o -name '*.cc' \) -not -path './build/*' -not -path '*/node_modules/*'; }

without_licence() { sources "$1" | xargs grep -L 'SPDX-License-Identifier: MIT'; }

# "see Note [Name]" cites; a line that begins with " * Note [Name]" defines. Both on one line each.
notes_missing() {
    sources "$1" | xargs grep -ohE 'Note \[[^]]+\]' | sort -u | while read -r note; do
        sources "$1" | xargs grep -lE '^( \*|/\*) '"$(echo "$note" | sed 's/[][]/\\&/g')" >/dev/null || echo "$note is cited but written nowhere"
    done
}

# A file of the library over 800 lines says why at its head.
too_long() {
    for file in $(sources "$1"); do
        lines=$(wc -l <"$file")
        [ "$lines" -le 800 ] || head -60 "$file" | grep -qi 'why this file is long' || echo "$file: $lines lines"
    done
}

# prove runs a script by its name.
not_executable() { find "$1" -name 'test_*.sh' -not -perm -u+x; }

unfinished() { sources "$1" | xargs grep -nE '\b(TO''DO|FIX''ME|XX''X|HA''CK)\b'; }

broken=$(mktemp -d)
trap 'rm -rf "$broken"' EXIT
{ echo '/* see Note [Nowhere]. FIX''ME */'; seq 900; } >"$broken/bad.c"
: >"$broken/test_bad.sh"

result "every source names its licence" "$(without_licence .)"
result "every note that is cited is written" "$(notes_missing .)"
result "no file is over 800 lines without a reason" "$(too_long .)"
result "every test script can be run" "$(not_executable tests)"
result "nothing is marked as unfinished" "$(unfinished .)"
for check in without_licence notes_missing too_long not_executable unfinished; do
    if [ -n "$($check "$broken")" ]; then result "$check sees a file that breaks it" ""; else result "$check sees a file that breaks it" "it saw nothing"; fi
done
echo "1..$n"
exit $failed
