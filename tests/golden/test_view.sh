#!/bin/sh
# `midden view` on a real terminal, played by tmux: keys go in, and what stands on the screen is looked at. What the
# pages hold is the business of tests/unit/test_view_model.c; here it is the terminal.
. tests/support/tap.sh
fixtures=$PWD/tests/golden/fixtures
after=$fixtures/node20-5mb-after.heapsnapshot.gz
before=$fixtures/node20-5mb-before.heapsnapshot.gz

command -v tmux >/dev/null || skip_all 'tmux is not installed'
"$midden" view "$after" </dev/null 2>&1 | grep -q 'without ncurses' && skip_all 'built without ncurses'
locale -a 2>/dev/null | grep -qix 'c.utf-\{0,1\}8' || skip_all 'there is no locale C.UTF-8'

socket=midden-test-$$
unset TMUX TMUX_PANE
mux() { tmux -u -L "$socket" -f /dev/null "$@"; }
writer= # a process that waits at a fifo: left alive it would hold the pipe to prove for ever
trap 'mux kill-server 2>/dev/null; [ -z "$writer" ] || kill $writer 2>/dev/null; chmod -R u+rwX "$tmp" 2>/dev/null; rm -rf "$tmp"' EXIT

screen() { mux capture-pane -p; }

# Waits until the screen shows the (basic) regular expression, at most 20 s.
wait_for() { # pattern
    for wait_try in $(seq 200); do
        screen >"$tmp/screen"
        grep -q -e "$1" "$tmp/screen" && return 0
        sleep 0.1
    done
    return 1
}

shows() { # what pattern
    if wait_for "$2"; then
        tap_result "$1" 0
        return 0
    fi
    tap_result "$1" 1
    echo "# not on the screen: $2"
    sed 's/^/#   |/' "$tmp/screen"
    return 1
}

keys() { mux send-keys "$@"; }
type_in() { mux send-keys -l "$1"; }

# A command at the prompt of a fresh shell's screen.
run() {
    keys C-u
    type_in clear
    keys Enter
    for run_try in $(seq 100); do
        [ "$(screen | grep -c .)" = 1 ] && break
        sleep 0.05
    done
    type_in "$1"
    keys Enter
}

# The command line ended with this status.
ended() { # what status
    wait_for '^prompt'
    type_in 'echo "<$?>"'
    keys Enter
    shows "$1" "^\(prompt \)*<$2>"
}

LC_ALL=C.UTF-8 mux new-session -d -x 80 -y 24 "env -u NO_COLOR LC_ALL=C.UTF-8 TERM=screen PS1='prompt ' ENV= sh -i" || {
    skip_all 'tmux cannot start a session here'
}
mux set -g remain-on-exit on
run "cd $tmp; PATH=$(dirname "$midden"):\$PATH; ln -s $after after; ln -s $before before; stty -g >modes"
shows 'a shell' '^prompt'

# ---- pages
run 'midden view after'
shows 'the title has the totals' 'after  72,755 nodes, 281,808 edges, 4.57 MB'
top=$("$midden" summary --interfaces -n 1 "$after" | sed -n '5s/^ *//p' | sed 's/ .*//')
shows 'the first class is that of summary' "^ *$top MB .*global"
shows 'it is marked by what it is sorted by' 'RETAINED▾'
keys /
type_in 'unboundedc'
shows 'the search is shown' '/unboundedc'
keys Enter
keys Enter
shows 'Enter leads to the objects of a class' 'objects of UnboundedCache'
shows 'each with its id' 'UnboundedCache @59449'
keys Enter
shows 'Enter leads to the object' '── Retainers (1) ─'
shows 'what holds it stands above' '\.cache of {cache, .* @56313$'
shows 'what it holds stands below' '\.map = Map @59857'
shows 'where it was made' 'object, script 82, line 22, column 35'
keys p
shows 'p shows the path' 'path to .*UnboundedCache @59449'
shows 'from the root' '(shortcut) 2 = global @6051'
keys BSpace t
shows 't shows the tree' '/UnboundedCache @59449'
keys Left
shows 'Left goes up' '/{cache, emitter'
keys Left
shows 'to the root' '2 Tree  (root)'
keys 2
keys Down
shows 'the tab of the tree' '2 of 196'
keys 1
shows 'a tab is as it was left' '1 of 196'
keys 1
shows 'and its key again leads to its first page' '15 of 176'
keys s
shows 's sorts by shallow size' 'SHALLOW▾'
keys s
shows 'and again turns it round' 'SHALLOW▴'
keys a
shows 'a sorts by name' 'NAME▾'
keys r End
shows 'End goes to the end' '176 of 176'
keys Home b
bytes=$("$midden" summary --interfaces --bytes -n 1 "$after" | sed -n '5s/^ *//p' | sed 's/ .*//')
shows 'b shows bytes' "^ *$bytes .*global"
keys b f
type_in 'class=Map and retained>10kB'
keys Enter
shows 'f finds objects by an expression' 'objects where class=Map and retained>10kB'
shows 'as many as there are, and their size' '1 of 5, 72.0 kB of their own'
keys f
type_in 'size=many'
keys Enter
shows 'a mistake is told, and what was typed stays' 'where size=many.*no size.*at character 6'
keys Escape BSpace b
shows 'and back' "^ *$bytes .*global"
keys b
keys g
type_in '59857'
keys Enter
shows 'g goes to an id' 'Map @59857$'
keys g
type_in '4'
keys Enter
shows 'an id that is not there is told' 'no object has this id'
keys '?'
shows '? helps' 'sort by retained size, shallow size'
keys q
shows 'and any key goes back' '── References'

# ---- search: n, N, what is not there, Escape
keys BSpace /
type_in 'Function'
shows 'a search finds as it is typed' '^ 3 of\|/Function'
keys Enter
shows 'and stays' '3 of 176'
keys /
type_in 'qqqq'
shows 'what is not there is told' 'not in this list'
keys Escape
shows 'Escape goes back' '3 of 176'
keys /
type_in 'module'
keys Enter
keys n
screen >"$tmp/one"
keys n N
sleep 0.3
screen >"$tmp/two"
same 'n and N are each other back' "$(grep ' of 176' "$tmp/one")" "$(grep ' of 176' "$tmp/two")"

# ---- sizes
for size in '20 6' '200 60' '5 2' '1 1' '80 24'; do
    mux resize-window -x "${size% *}" -y "${size#* }"
    sleep 0.3
    keys Home Down Down Up
    sleep 0.2
    screen >"$tmp/screen"
    widest=$(perl -CS -ne 'chomp; $w = length if length > $w; END { print $w + 0 }' <"$tmp/screen")
    check "$size: nothing stands beyond the edge" [ "$widest" -le "${size% *}" ]
    case $size in
    '5 2' | '1 1') ;;
    *) shows "$size: the rows are there" 'MB\|kB' ;;
    esac
done
shows 'and the frame, once there is room' 'q quit'

# ---- mouse (the X10 form, which TERM=screen has): a click, the wheel, a click on a tab
keys Home
press() { # column and row, from ! on: goes down and up
    type_in "$(printf '\033[M %s\033[M#%s' "$1" "$1")"
}
press "+'"
shows 'a click selects' '^ 4 of 176'
press "+'"
shows 'and opens what was selected' 'objects of'
keys Left
type_in "$(printf '\033[Ma++')"
shows 'the wheel moves' '^ 7 of 176'
press '0"'
shows 'a click on a tab shows it' '2 Tree  (root)'

# ---- leaving
keys q
ended 'q ends with status 0' 0
run 'stty -g | cmp - modes && echo same'
shows 'stty is as before' '^same'
run 'echo before; midden view after'
shows 'again' '1 of 176'
keys C-c
ended 'Ctrl-C ends with status 130' 130
shows 'and what stood on the screen before is back' '^before'
run 'stty -g | cmp - modes && echo same'
shows 'stty is as before' '^same'
run 'midden view after & echo $! >pid; fg'
shows 'in the foreground' '1 of 176'
keys C-z
shows 'Ctrl-Z stops it' 'Stopped'
run 'stty -g | cmp - modes && echo same'
shows 'with the modes of the shell' '^same'
type_in 'fg'
keys Enter
shows 'fg brings it back' '1 of 176'
keys Down
shows 'and it works' '2 of 176'
kill -TERM "$(cat "$tmp/pid")"
shows 'SIGTERM ends it' Terminated
ended 'with status 143' 143
run 'stty -g | cmp - modes && echo same'
shows 'stty is as before' '^same'

# ---- while it is computed: pipes that keep the reader waiting
mkfifo "$tmp/slow"
run 'midden view slow'
shows 'before anything is known the file is named' 'Reading slow'
keys q
ended 'q leaves at once' 0
run 'midden view slow after'
shows 'first figures are there while the other file is read' '^ *\.\.\. .*kB.*(compiled code)'
shows 'and what is going on' 'older snapshot'
keys Down Enter
shows 'what must wait says so' 'not yet'
cat "$before" >"$tmp/slow" &
writer=$!
shows 'then the rest comes' '3 Comparison'
shows 'with the differences' '+15.1 kB .* +210 .*TreeNode'
keys /
type_in TreeNode
keys Enter
keys Enter
shows 'a class leads to its new objects' 'new objects of TreeNode'
shows 'which are all there' '1 of 210'
keys q
ended 'and it ends well' 0

# ---- no colour, plain characters
record() { # environment, keys...
    rm -f "$tmp/raw"
    mux pipe-pane "cat >$tmp/raw"
    run "$1 midden view after"
    shift
    shows 'drawn' '1 of 176'
    keys 2
    sleep 0.2
    keys q
    ended 'left' 0
    mux pipe-pane
}
colour='\033\[[0-9;]*(3[0-7]|38;[0-9;]*)m'
record ''
check 'there is colour' grep -qaP "$colour" "$tmp/raw"
record 'NO_COLOR=1'
check 'NO_COLOR: there is none' sh -c "! grep -qaP '$colour' '$tmp/raw'"
run 'LC_ALL=C midden view after'
shows 'a plain locale: bars of #' '###.*global'
screen >"$tmp/screen"
check 'and ASCII alone' sh -c "! LC_ALL=C grep -qaP '[\\x80-\\xff]' '$tmp/screen'"
keys '?' q q
ended 'left' 0

# ---- what it refuses, in one line, with status 2 (3 for files)
refused() { # what status pattern command
    run "$4 2>err; echo \"<\$?>\""
    shows "$1: status $2" "^<$2>"
    same "$1: one line" 1 "$(wc -l <"$tmp/err" | tr -d ' ')"
    check "$1: it says why" grep -q "^midden: .*$3" "$tmp/err"
}
refused 'TERM=dumb' 2 'TERM=dumb' 'TERM=dumb midden view after'
refused 'an unknown TERM' 2 'TERM=no-such' 'TERM=no-such midden view after'
refused 'an empty TERM' 2 'TERM is not set' 'TERM= midden view after'
refused 'stdin is no terminal' 2 'standard input is none' 'midden view after </dev/null'
refused 'stdout is no terminal' 2 'standard output is none' '{ midden view after | cat; (exit 2); }'
refused 'standard input as a file' 2 'standard input is the keyboard' 'midden view -'
refused 'a file that is not there' 3 'nothing' 'midden view nothing'
head -c 100000 "$after" >"$tmp/cut"
refused 'a damaged file' 3 'cut: ' 'midden view cut'
refused 'a damaged older file' 3 'cut: ' 'midden view cut after'
refused '--json' 2 "unknown option '--json'" 'midden view --json after'

# ---- strings of a dump
cat >"$tmp/hostile" <<'END'
{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count"],"node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic"],"string","number","number","number"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"]},"node_count":5,"edge_count":4},
"nodes":[9,0,1,0,1, 3,1,3,64,1, 3,2,5,32,1, 3,3,7,31,1, 2,4,9,16,0],
"edges":[5,0,5, 2,1,10, 2,2,15, 2,5,20],
"strings":["","\u001b]0;owned\u0007\u001b[31mred\u001b[2J","c1\u009b31m \u202ebidi \u200b\u2066x \r\n\b\u007f","漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字","half \ud800 e\u0301\u0301\u0301","\u001b[2Jedge"]}
END
cp "$tmp/hostile" "$tmp/$(printf 'a\033[2Jb')"
rm -f "$tmp/raw"
title=$(mux display-message -p '#{pane_title}')
mux pipe-pane "cat >$tmp/raw"
run 'midden view a*b'
shows 'escapes of a class are shown as text' '\\x1b\]0;owned\\x07\\x1b\[31mred'
shows 'and those of the file name' 'a\\x1b\[2Jb'
shows 'marks of direction too' 'c1\\u009b31m \\u202ebidi'
keys 2
shows 'in the tree' '2 Tree  (root)'
keys Enter Enter
shows 'wide characters are cut where the line ends, and the id stays' '漢…  *@7$'
screen >"$tmp/screen"
widest=$(perl -CS -ne 'chomp; $w = length($_) + (() = /\p{Han}/g); $m = $w if $w > $m; END { print $m + 0 }' <"$tmp/screen")
check 'they are counted twice' [ "$widest" -le 80 ]
keys Enter o
shows 'in a list of references' '\["\\x1b\[2Jedge"\] of'
shows 'half a pair' '"half \\ud800 e'
keys p
shows 'in a path' 'path to'
keys Left q
ended 'left' 0
mux pipe-pane
check 'none of them reached the terminal' sh -c "! LC_ALL=C grep -qaP '\\x1b\\]0|\\x1b\\[31mred|\\xc2\\x9b|\\xe2\\x80\\xae|\\xe2\\x80\\x8b|\\xed\\xa0' '$tmp/raw'"
same 'the title of the terminal is as it was' "$title" "$(mux display-message -p '#{pane_title}')"

finish
