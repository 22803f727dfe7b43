#!/bin/sh
# Strings of a dump that would take over a terminal, break a line or a parser: they come out as escapes, in text, in
# JSON and in messages.
. tests/support/tap.sh

# A dump whose node names, class names and property names are hostile. $1: the string, as JSON text.
dump() {
    cat <<END
{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count"],"node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic"],"string","number","number","number"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"]},"node_count":5,"edge_count":4},
"nodes":[9,0,1,0,1, 3,1,3,64,1, 3,2,5,32,1, 3,2,7,32,1, 2,1,9,16,0],
"edges":[5,0,5, 2,1,10, 2,1,15, 2,1,20],
"strings":["","$1","Object"]}
END
}

# bytes that must never be in an answer: controls but newline, DEL, and what begins C1, bidi and other invisible ones
raw() {
    LC_ALL=C grep -c -a -P '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xc2\xad|\xd8\x9c|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xed[\xa0-\xbf]|\xf3\xa0' "$1"
}

hostile='ESC]0;own\u0007 \u001b[31mred\u001b[0m \u001b]52;c;cm0gLXJm\u0007
c1 \u009b31m \u0085 \u0090q\u009c
bidi \u202e\u0041\u202c \u2066x\u2069 \u200f \u061c
invisible a\u200bb\u2060c\ufeffd\u00ade
lines one\ntwo\rthree\u2028four\u2029five\u000bsix\u000cseven
halves \ud800 \udc00 \udfff\ud800
tags \udb40\udc41\udb40\udc42
nul a\u0000b
delete \u007f backspace \b\b\b
quotes \" \\ </script> =cmd()
noncharacters \ufffe \uffff \ufff9'

n=0
printf '%s\n' "$hostile" | while IFS= read -r line; do
    n=$((n + 1))
    dump "$line" >"$tmp/hostile-$n"
done
# the same characters raw: as bytes in the file, and bytes that are no UTF-8 at all
dump "$(printf 'raw \302\233 \342\200\256 \355\240\200 \377\376 \300\200 \364\220\200\200 \302')" >"$tmp/hostile-raw"

for file in "$tmp"/hostile-*; do
    name=$(basename "$file")
    for verb in summary "summary --interfaces" top tree "object @3" "object @9" "path @9" diff strings suspects; do
        for json in "" --json; do
            words=${verb%% *} rest=${verb#"${verb%% *}"} files=$file
            [ "$verb" = diff ] && { dump other >"$tmp/other"; files="$tmp/other $file"; }
            case $rest in *@*) files="$file $rest" rest= ;; esac
            # shellcheck disable=SC2086
            "$midden" $words $rest $json $files >"$tmp/out" 2>"$tmp/err"
            same "$name: $verb $json" "0 0 0 0" "$? $(raw "$tmp/out") $(raw "$tmp/err") $(iconv -f UTF-8 -t UTF-8 "$tmp/out" >/dev/null 2>&1; echo $?)"
            [ -z "$json" ] || check "$name: $verb: JSON" perl -MJSON::PP -e 'local $/; JSON::PP->new->decode(<STDIN>)' <"$tmp/out"
        done
    done
done

# what the escapes look like
dump '\u001b[31m \u202e \ud83d\ude00 \ud800 é \n' >"$tmp/one"
same "text" '\x1b[31m \u202e 😀 \ud800 é \n' "$("$midden" top --synthetic "$tmp/one" | sed -n 's/^.*@3  \(.*\)$/\1/p')"
same "JSON" '"name":"\u001b[31m \u202e 😀 \ufffd é \n"' "$("$midden" top --json "$tmp/one" | grep -o '"name":"[^"]*31m[^"]*"' | head -n 1)"

# a file name is a string from outside too
cp "$tmp/one" "$tmp/$(printf 'a\033[31m')"
"$midden" summary "$tmp/$(printf 'a\033[31m')" >"$tmp/out" 2>&1
same "a file name in a title" 0 "$(raw "$tmp/out")"

finish
