#!/bin/sh
# What changes when a person looks: colour, width, pager, encoding, progress. `script` lends the terminal.
. tests/support/tap.sh
fixtures=$PWD/tests/golden/fixtures
script -qec true /dev/null >/dev/null 2>&1 || skip_all "no script(1)"

TERM=xterm COLUMNS=80 LC_ALL=C.UTF-8
export TERM COLUMNS LC_ALL
cd "$fixtures" || exit 1

# terminal COMMAND: its output as a terminal received it, without carriage returns
terminal() {
    script -qec "$1" /dev/null </dev/null | tr -d '\r'
}
escapes() { # how many lines bear a colour
    grep -c "$(printf '\033\\[[0-9;]*m')"
}
wide() { # the widest line below the title, in columns
    sed "1d; s/$(printf '\033')\[[0-9;]*m//g" | wc -L
}
some() {
    [ "$1" -gt 0 ] && echo some || echo none
}

# ---- colour
same "a terminal gets colour" some "$(some "$(PAGER=cat terminal "$midden top tiny1.heapsnapshot" | escapes)")"
same "NO_COLOR takes it" none "$(some "$(PAGER=cat NO_COLOR=1 terminal "$midden top tiny1.heapsnapshot" | escapes)")"
same "an empty NO_COLOR does not" some "$(some "$(PAGER=cat NO_COLOR='' terminal "$midden top tiny1.heapsnapshot" | escapes)")"
same "a dumb terminal gets none" none "$(some "$(PAGER=cat TERM=dumb terminal "$midden top tiny1.heapsnapshot" | escapes)")"
same "--color=never takes it" none "$(some "$(PAGER=cat terminal "$midden top --color=never tiny1.heapsnapshot" | escapes)")"
same "--color=always beats NO_COLOR" some "$(some "$(NO_COLOR=1 "$midden" top --color=always tiny1.heapsnapshot | escapes)")"
same "a pipe gets none" none "$(some "$("$midden" top tiny1.heapsnapshot | escapes)")"
same "JSON gets none, even on a terminal" none "$(some "$(terminal "$midden top --color=always --json tiny1.heapsnapshot" | escapes)")"

# ---- width: lines are cut for a terminal, and figures are not
same "lines fit the terminal" 80 "$(PAGER=cat terminal "$midden top node20-5mb-after.heapsnapshot.gz" | wide)"
same "a narrower one" 60 "$(PAGER=cat COLUMNS=60 terminal "$midden summary --interfaces -n 0 node20-5mb-after.heapsnapshot.gz" | wide)"
same "a pipe has names whole" '{ERR_STREAM_ALREADY_FINISHED, ERR_HTTP2_MAX_PENDING_SETTINGS_ACK, …, ERR_INVALID_REPL_INPUT, ERR_ASSERTION}' \
    "$("$midden" top node20-5mb-after.heapsnapshot.gz | grep -o '{ERR_STREAM.*')"

# ---- encoding: a terminal that is not UTF-8 gets ASCII
same "ASCII for a terminal without UTF-8" "0" \
    "$(PAGER=cat LC_ALL=C terminal "$midden tree tiny2.heapsnapshot; $midden object tiny2.heapsnapshot @303" | LC_ALL=C grep -c -P '[\x80-\xff]')"
same "a pipe gets UTF-8 whatever the locale" "café" "$(LC_ALL=C "$midden" object tiny2.heapsnapshot @205 | grep -o 'café' | head -n 1)"

# ---- pager
pager="sed 's/^/paged: /'"
same "a terminal gets the pager" some "$(some "$(PAGER=$pager terminal "$midden top tiny1.heapsnapshot" | grep -c '^paged: ')")"
same "--no-pager: none" none "$(some "$(PAGER=$pager terminal "$midden top --no-pager tiny1.heapsnapshot" | grep -c '^paged: ')")"
same "JSON: none" none "$(some "$(PAGER=$pager terminal "$midden top --json tiny1.heapsnapshot" | grep -c '^paged: ')")"
same "a pipe: none" none "$(some "$(PAGER=$pager "$midden" top tiny1.heapsnapshot | grep -c '^paged: ')")"
same "an error: none" none "$(some "$(PAGER=$pager terminal "$midden top nowhere" | grep -c '^paged: ')")"
same "a pager that leaves early: status 0, no message" "first 0" \
    "$(PAGER='head -n 1 >/dev/null; echo first' terminal "$midden top -n 0 node20-5mb-after.heapsnapshot.gz; echo \$?" | tr '\n' ' ' | sed 's/ $//')"
same "a pager that is not there: status 0" "0" "$(PAGER='no-such-pager-at-all 2>/dev/null' terminal "$midden top tiny1.heapsnapshot; echo \$?")"

# ---- progress: on stderr, only on a terminal, only when it takes long (when, is seen in tests/unit/test_progress.c)
mkfifo "$tmp/slow"
feed() {
    head -c 1000 tiny2.heapsnapshot
    for start in 1001 2001 3001; do
        sleep "$1"
        tail -c +$start tiny2.heapsnapshot | head -c 1000
    done
    tail -c +4001 tiny2.heapsnapshot
}
feed 0.4 >"$tmp/slow" &
slow=$(terminal "$midden top -n 1 $tmp/slow 2>&1 >/dev/null")
wait
same "a slow file shows progress" some "$(some "$(printf '%s' "$slow" | grep -c "slow: ")")"
same "and wipes it" "$(printf '\033[K')" "$(printf '%s' "$slow" | tail -c 3)"
feed 0.4 >"$tmp/slow" &
same "no terminal, no progress" "" "$("$midden" top -n 1 "$tmp/slow" 2>&1 >/dev/null)"
wait

finish
