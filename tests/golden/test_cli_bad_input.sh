#!/bin/sh
# What the command does with a wrong command line, bad files and a full disk: one line on stderr, the right status,
# nothing on stdout, nothing left behind.
. tests/support/tap.sh
fixtures=$PWD/tests/golden/fixtures
good=$fixtures/tiny2.heapsnapshot

refused() { # what status pattern arguments...
    what=$1 status=$2 pattern=$3
    shift 3
    timeout 60 "$midden" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    lines=$(wc -l <"$tmp/err")
    if [ "$got" = "$status" ] && [ "$lines" = 1 ] && [ ! -s "$tmp/out" ] && grep -q "^midden: .*$pattern" "$tmp/err"; then
        tap_result "$what" 0
    else
        tap_result "$what" 1
        echo "# expected status $status and one line with: $pattern"
        echo "# got status $got, $lines lines, $(wc -c <"$tmp/out") bytes on stdout:"
        sed 's/^/#   /' "$tmp/err" | cut -c 1-300
    fi
}

# ---- the command line: 2
refused "no verb" 2 "which verb"
refused "an unknown verb" 2 "unknown verb 'sumary'" sumary "$good"
refused "an unknown option before the verb" 2 "unknown option '--jsn'" --jsn
refused "help on an unknown verb" 2 "unknown verb 'sumary'" help sumary
refused "help on two verbs" 2 "help: one argument too many: 'top'" help summary top
refused "no file" 2 "too few arguments" summary
refused "a file too many" 2 "one argument too many: 'b'" summary "$good" b
refused "an unknown option" 2 "unknown option '--frob'" summary --frob "$good"
refused "an unknown short option" 2 "unknown option '-q'" top -q "$good"
refused "another verb's option" 2 "unknown option '--columns=x'" top --columns=x "$good"
refused "an argument that is missing" 2 "'-n' wants an argument" top "$good" -n
refused "an argument that does not belong" 2 "no argument belongs to option '--json=yes'" top --json=yes "$good"
for n in x -1 1x '' 99999999999999999999999; do
    refused "a limit of '$n'" 2 "limit wants a number" top --limit="$n" "$good"
done
refused "an unknown order" 2 "sort wants retained, shallow or distance, not 'size'" top --sort=size "$good"
refused "an unknown colour" 2 "color wants auto, always or never" top --color=red "$good"
for id in 12 @ @x @-1 @1x @99999999999999999999999; do
    refused "an object '$id'" 2 "is no object" object "$good" "$id"
done
refused "an object that is not there" 2 "no object @4242" object "$good" @4242
refused "a path to nothing" 2 "no object @4242" path "$good" @4242
refused "a tree from nothing" 2 "no object @4242" tree "$good" @4242
refused "no directory to export to" 2 "say where to" export "$good"
refused "standard input twice" 2 "only one" diff - -
refused "escapes in an argument do not reach the terminal" 2 'x1b\[31m' summary "$good" "$(printf '\033[31m')"

# ---- files: 3
printf '' >"$tmp/empty"
printf 'hello\n' >"$tmp/text"
head -c 4096 /dev/urandom | tr '{[\037\n' 'xxxx' >"$tmp/binary"
printf '{"snapshot":{}}' >"$tmp/hollow"
printf '[1,2,3]' >"$tmp/list"
printf 'null' >"$tmp/null"
head -c 100000 /dev/zero | tr '\0' '[' >"$tmp/brackets"
printf '\037\213' >"$tmp/gzip-head"
gzip -c "$good" | head -c 200 >"$tmp/gzip-cut"
chmod 000 "$tmp/text"; cp "$good" "$tmp/secret"; chmod 000 "$tmp/secret"
chmod 644 "$tmp/text"
for verb in summary top tree strings suspects export; do
    options=
    [ $verb = export ] && options=--columns=$tmp/never
    # shellcheck disable=SC2086
    refused "$verb: a file that is not there" 3 "nowhere: .*No such file" $verb $options "$tmp/nowhere"
    # shellcheck disable=SC2086
    for bad in empty text binary hollow list null brackets gzip-head gzip-cut; do
        refused "$verb: $bad" 3 "$bad: " $verb $options "$tmp/$bad"
    done
    # shellcheck disable=SC2086
    refused "$verb: a directory" 3 "directory" $verb $options "$tmp"
done
refused "standard input, empty" 3 "standard input: " summary -
refused "the older file is bad" 3 "empty: " diff "$tmp/empty" "$good"
refused "the newer file is bad" 3 "empty: " diff "$good" "$tmp/empty"
if [ "$(id -u)" = 0 ]; then
    skip "a file without leave to read" "root may read everything"
else
    refused "a file without leave to read" 3 "secret: .*Permission denied" summary "$tmp/secret"
fi
same "no export was begun for a bad file" "" "$(ls -d "$tmp/never" 2>/dev/null)"

# cut anywhere, the message names a byte; a sound whole is still read
size=$(wc -c <"$good")
bad=
for cut in $(seq 1 97 "$((size - 3))"); do
    head -c "$cut" "$good" >"$tmp/cut"
    timeout 60 "$midden" summary "$tmp/cut" >"$tmp/out" 2>"$tmp/err"
    [ $? = 3 ] && [ "$(wc -l <"$tmp/err")" = 1 ] && [ ! -s "$tmp/out" ] && grep -q 'byte [0-9]' "$tmp/err" || bad="$bad $cut"
done
same "cut anywhere: status 3 and a byte" "" "$bad"

refused "threads that are no number" 2 "wants 0, 1 or 2, not 'many'" summary --threads=many "$good"
refused "too many threads" 2 "wants 0, 1 or 2, not '3'" summary --threads=3 "$good"
same "the same with one thread and with two" "$("$midden" summary --threads=1 "$good")" "$("$midden" summary --threads=2 "$good")"

# ---- output that cannot be written: 3, and nothing left
refused "a directory whose parent is missing" 3 "cannot make the directory" export --columns="$tmp/no/such" "$good"
refused "a directory that is a file" 3 "not a directory" export --columns="$tmp/text" "$good"
mkdir "$tmp/blocked" "$tmp/blocked/retained.u64"
refused "a name that is taken by a directory" 3 "retained.u64: cannot write" export --columns="$tmp/blocked" "$good"
same "no temporary file stays there" "" "$(ls -A "$tmp/blocked" | grep '^\.')"
mkdir "$tmp/sealed" && chmod 555 "$tmp/sealed"
if [ "$(id -u)" = 0 ]; then
    skip "a directory without leave to write" "root may write everywhere"
else
    refused "a directory without leave to write" 3 "cannot write: Permission denied" export --columns="$tmp/sealed" "$good"
fi
# a file-size limit of 512 bytes a block: the big columns do not fit
(
    ulimit -f 1
    timeout 60 "$midden" export --columns="$tmp/limited" "$fixtures/node20-5mb-after.heapsnapshot.gz" >"$tmp/out" 2>"$tmp/err"
    echo $? >"$tmp/status"
) 2>/dev/null
same "a full disk: status" 3 "$(cat "$tmp/status")"
same "a full disk: one line" 1 "$(wc -l <"$tmp/err")"
same "a full disk: the directory that was made is gone" "" "$(ls -d "$tmp/limited" 2>/dev/null)"
mkdir "$tmp/kept" && echo mine >"$tmp/kept/self.u64"
(
    ulimit -f 1
    timeout 60 "$midden" export --columns="$tmp/kept" "$fixtures/node20-5mb-after.heapsnapshot.gz" >/dev/null 2>&1
)
same "a full disk: what was there stays, nothing is added" "self.u64 mine" "$(ls -A "$tmp/kept" | tr '\n' ' ')$(cat "$tmp/kept/self.u64")"
if [ -w /dev/full ]; then
    for verb in "summary" "top --json" "tree" "object" "path"; do
        id=
        case $verb in object | path) id=@101 ;; esac
        # shellcheck disable=SC2086
        "$midden" $verb "$good" $id >/dev/full 2>"$tmp/err"
        same "$verb to a full disk: status" 3 $?
        same "$verb to a full disk: one line" 1 "$(grep -c 'cannot write the answer: No space left' "$tmp/err")"
    done
    "$midden" --help >/dev/full 2>/dev/null
    same "help to a full disk: status" 3 $?
else
    skip "standard output on a full disk" "no /dev/full"
fi

# a signal in the middle leaves nothing (the reader of a pipe that never ends is interrupted before the export)
mkfifo "$tmp/pipe"
"$midden" export --columns="$tmp/killed" - <"$tmp/pipe" >/dev/null 2>&1 &
pid=$!
exec 9>"$tmp/pipe"
head -c 1000 "$good" >&9
kill -TERM $pid
wait $pid 2>/dev/null
same "a signal ends it" 143 $?
exec 9>&-
same "a signal leaves nothing" "" "$(ls -d "$tmp/killed" 2>/dev/null)"

# a reader that goes away ends it without a word
{ "$midden" top -n 0 --json "$fixtures/node20-5mb-after.heapsnapshot.gz" 2>"$tmp/err"; echo $? >"$tmp/status"; } | head -n 1 >/dev/null
same "a closed pipe: no message" "" "$(cat "$tmp/err")"
same "a closed pipe: ended by SIGPIPE" 141 "$(cat "$tmp/status")"

# ---- fine: 0
for verb in "--help" "--version" "summary --help" "diff -h"; do
    # shellcheck disable=SC2086
    "$midden" $verb >"$tmp/out" 2>"$tmp/err"
    same "midden $verb" "0 0" "$? $(wc -c <"$tmp/err" | tr -d ' ')"
done
same "help is --help" "$("$midden" --help)" "$("$midden" help)"
same "help diff is diff --help" "$("$midden" diff --help)" "$("$midden" help diff)"
same "the version is that of the headers" "midden $(sed -n 's/^.define MID_VERSION_[A-Z]* //p' alloc/base/include/midden/base.h | paste -sd .)" \
    "$("$midden" --version)"

# Sizes that add up to more than 2^64 within one batch of nodes once wrapped around, and were taken for 30 GB.
awk 'BEGIN { printf "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"]}},\"nodes\":[3,0,1,9223372036854775807,0"
    for (i = 1; i < 1510; i++)
        printf ",3,0,%d,%s,0", 2 * i + 1, i < 1501 ? "0" : i == 1501 ? "9223372032559808512" : "4294967294"
    print "],\"edges\":[],\"strings\":[\"x\"]}" }' >"$tmp/wrapped.heapsnapshot"
timeout 60 "$midden" summary "$tmp/wrapped.heapsnapshot" >"$tmp/out" 2>"$tmp/err"
check "sizes beyond 2^64 in one batch are refused" grep -q 'add up to more than 2^63' "$tmp/err"

finish
