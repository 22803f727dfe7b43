#!/bin/sh
# SPDX-License-Identifier: MIT
# The scenarios go as they should (each checks its own figures), and say so; a wrong word is refused in one line.
. tests/support/tap.sh
scenarios=$O/scenarios

"$scenarios" collect >"$tmp/collect"
same "160 MB are taken, dropped and given back" 0 $?
# 160 MB and the kit of the heap at most when taken; below 4 MB used at the end, as in the model
check "the figures say so" awk '/one array|same in objects/ { if ($0 !~ /heapUsed +1(59|60|61)\./) exit 1; n++ }
    /^  collected|^  dropped and/ { if ($0 !~ /heapUsed +[0-3]\./) exit 1; n++ } END { exit n != 4 }' "$tmp/collect"

if [ "$MODE" = opt ]; then
    "$scenarios" limit >"$tmp/limit"
    same "160 MB a step are refused at the ninth" 0 $?
    same "eight steps are granted" 8 "$(grep -c '^  step' "$tmp/limit")"
    check "the refusal has the last resort among the last collections" \
        sh -c 'sed -n "/<--- last collections --->/,\$p" "$1" | grep -q "mark-sweep (last resort)"' sh "$tmp/limit"
fi

"$scenarios" leaks >"$tmp/leaks"
same "five leaks are told, their cures are quiet" 0 $?
same "each after five growths" 5 "$(grep -c 'leak after round 6: .* in 5 collections' "$tmp/leaks")"
for class in Request Thing CacheEntry Message Listener; do
    check "what grows is named: $class" grep -q "mostly $class," "$tmp/leaks"
done
same "no cure leaks" 5 "$(grep -c 'cured (.*): no event' "$tmp/leaks")"
check "the eleventh listener is warned of" grep -q '11 listeners added' "$tmp/leaks"

"$scenarios" pauses 32 >"$tmp/pauses"
same "in steps a pause does less than a sixth of the work" 0 $?
check "both are measured" sh -c 'grep -q "at once" "$1" && grep -q "in steps" "$1"' sh "$tmp/pauses"

"$scenarios" pauses nothing >"$tmp/out" 2>"$tmp/err"
same "a size that is none is status 2" 2 $?
same "in one line" 1 "$(wc -l <"$tmp/err" | tr -d ' ')"
"$scenarios" all of it 2>/dev/null
same "so is an unknown scenario" 2 $?
finish
