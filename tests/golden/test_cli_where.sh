#!/bin/sh
# --filter and --where: DevTools' own tables for its filters, and the language in each verb that takes it.
. tests/support/tap.sh
fixtures=$PWD/tests/golden/fixtures
after=$fixtures/node20-5mb-after.heapsnapshot.gz

# ---- --filter: the class tables are DevTools', which are cut after 25 classes
cat >"$tmp/judge.pl" <<'END'
use strict;
use warnings;
use JSON::PP;
sub slurp { open my $f, '<:raw', $_[0] or die; local $/; my $t = <$f>; $t =~ s/\\u[dD][89a-fA-F][0-9a-fA-F]{2}/?/g; JSON::PP->new->decode($t) }
my ($answers, $got, $key) = (slurp($ARGV[0]), slurp($ARGV[1]), $ARGV[2]);
my $want = $answers->{filters}{$key}{classes};
my @rows = @{$got->{classes}};
die "$#rows classes, DevTools has $#$want\n" if @rows < @$want || (@$want < 25 && @rows != @$want);
my %by_key = map { $_->{key} => $_ } @rows;
for my $w (@$want) {
    my $r = $by_key{$w->{key}} or die "no class $w->{key}\n";
    $r->{count} == $w->{count} && $r->{shallow} == $w->{self} && $r->{retained} == $w->{maxRetained}
        or die "$w->{key}: $r->{count} $r->{shallow} $r->{retained}\n";
}
my $bytes = 0;
$bytes += $_->{shallow} for @rows;
$bytes == $answers->{filters}{$key}{selfSum} or die "$bytes bytes\n";
END
for name in tiny3 node20-5mb-after node26-empty; do
    dump=$(ls "$fixtures/$name".heapsnapshot*)
    for pair in contexts=Contexts detached=DetachedDomNodes event-handlers=EventHandlers console=Console; do
        "$midden" summary --json --interfaces --filter="${pair%%=*}" "$dump" >"$tmp/out"
        check "$name: --filter=${pair%%=*}" perl "$tmp/judge.pl" "$fixtures/$name.devtools.json" "$tmp/out" "objectsRetainedBy${pair#*=}"
    done
    "$midden" summary --json --interfaces --filter=duplicated-strings "$dump" >"$tmp/out"
    check "$name: --filter=duplicated-strings" perl "$tmp/judge.pl" "$fixtures/$name.devtools.json" "$tmp/out" duplicatedStrings
done

# ---- --where
ids() {
    "$midden" top --json -n 0 "$@" "$after" | sed -n 's/^{"id":\([0-9]*\),.*/\1/p' | tr '\n' ' ' | sed 's/ $//'
}
same "top" "59449" "$(ids --where 'class~*Cache and retained>100kB')"
same "top, an id" "59857" "$(ids --where 'id=@59857')"
same "top, an id and what is below it" "59857" "$(ids --where 'retained-by=@59449 and class=Map')"
same "summary" "600" "$("$midden" summary --json --where 'class=Order' "$after" | sed -n 's/^{"name":"Order".*"count":\([0-9]*\),.*/\1/p')"
same "summary has no other class" 1 "$("$midden" summary --json --where 'class=Order' "$after" | grep -c '^{"name"')"
same "strings" "250" "$("$midden" strings --json -n 1 --where 'retained-by=UnboundedCache' "$after" | sed -n 's/.*"count":\([0-9]*\),.*/\1/p')"
"$midden" check --max-count=Map=1 --where 'retained-by=UnboundedCache' "$after" >/dev/null
same "check counts what is selected" 0 $?
"$midden" check --max-count=Map=1 "$after" >/dev/null
same "check without it" 1 $?
same "--where and --filter together" "$(ids --filter=contexts --where 'class=Map' | wc -w)" \
    "$("$midden" summary --json --interfaces --filter=contexts --where 'class=Map' "$after" | sed -n 's/^{"name":"Map".*"count":\([0-9]*\),.*/\1/p')"
same "nothing fits" "" "$(ids --where 'class=Nobody')"

before=$fixtures/node20-5mb-before.heapsnapshot.gz
"$midden" tree --json -n 0 --where 'class=Session' "$after" >"$tmp/out"
same "tree: the selected, and no branch without one" "250 yes" \
    "$(grep -o '"selected":true' "$tmp/out" | wc -l | tr -d ' ') $(grep -q '"selected":false,"children_count":0' "$tmp/out" && echo no || echo yes)"
same "object: of fields and retainers" "1 0" \
    "$("$midden" object --json --where 'class=Map' "$after" @59449 | sed -n 's/.*"field_count":\([0-9]*\),.*/\1/p') $("$midden" object --json --where 'class=Map' "$after" @59449 | sed -n 's/.*"retainer_count":\([0-9]*\),.*/\1/p')"
same "diff: as a row of the whole" "$("$midden" diff --json "$before" "$after" | grep '^{"name":"TreeNode"' | tr -d ']},')" \
    "$("$midden" diff --json --where 'class=TreeNode' "$before" "$after" | grep '^{"name"' | tr -d ']},')"
same "diff: an id that one of the two has alone" "2" \
    "$("$midden" diff --json --where 'id=@135991 or id=@137055' "$before" "$after" | grep -o '"added":1' | wc -l | tr -d ' ')"
"$midden" export --where 'class=Session' --columns="$tmp/columns" --csv="$tmp/table.csv" "$after" >/dev/null
same "export: a column of who is selected, and their class alone" "250 2" \
    "$(tr -d '\0' <"$tmp/columns/selected.u8" | wc -c | tr -d ' ') $(wc -l <"$tmp/table.csv" | tr -d ' ')"
same "suspects" "UnboundedCache" "$("$midden" suspects --json --where 'retained-by=UnboundedCache' "$before" "$after" | sed -n 's/.*"owner":{"id":[0-9]*,"class":"\([^"]*\)".*/\1/p' | head -n 1)"
same "path: merged" "250" "$("$midden" path --json --where 'class=Session' "$after" | sed -n 's/^{"selected":\([0-9]*\),.*/\1/p')"

# ---- what is empty says so, in text and in JSON, in every verb
"$midden" top --json --where 'class=Session' -n 3 "$after" >"$tmp/out"
same "how many are selected" 250 "$(sed -n 's/^{"selected_objects":\([0-9]*\),.*/\1/p' "$tmp/out")"
valid() { perl -MJSON::PP -0777 -e 'decode_json(<STDIN>)'; }
for verb in summary "summary --by=type" top tree strings suspects path "diff $before" "diff $before $before" "export --csv=$tmp/table.csv" \
    "check --max-count=Session=1" "check --max-count=Nobody*=1"; do
    # shellcheck disable=SC2086
    "$midden" $verb "$after" --where 'class=Nobody' >"$tmp/out" && "$midden" $verb --json "$after" --where 'class=Nobody' >"$tmp/json"
    same "${verb%% *}: nothing is selected" "0 yes yes" \
        "$? $(grep -q 'nothing selected' "$tmp/out" && echo yes) $(grep -q '"selected\(_objects\)\?":\[\?0[],0]' "$tmp/json" && echo yes)"
    check "${verb%% *}: and it is JSON" valid <"$tmp/json"
done
leaf=$("$midden" top --json -n 0 "$after" | sed -n 's/^{"id":\([0-9]*\),.*"retained":0,.*/\1/p' | head -n 1)
"$midden" tree --json "$after" "@$leaf" >"$tmp/json"
check "the tree of a leaf is JSON" valid <"$tmp/json"

# ---- mistakes: one line, status 2, the column
refused() { # what pattern arguments...
    what=$1 pattern=$2
    shift 2
    timeout 60 "$midden" "$@" "$after" >"$tmp/out" 2>"$tmp/err" </dev/null
    same "$what" "2 1 0 1" "$? $(wc -l <"$tmp/err" | tr -d ' ') $(wc -c <"$tmp/out" | tr -d ' ') $(grep -c "^midden: .*$pattern" "$tmp/err")"
}
refused "a word that is no field" "no field.*at character 12: colour" top --where 'size=1 and colour=red'
refused "an operator of other languages" "no operator =~; it is one of = != ~ !~, at character 6: =~X" top --where 'class=~X'
refused "and turned round" "no operator ~=; .*, at character 18: ~=X" top --where 'size=1 and class ~=X'
refused "an end too early" "missing, at character 11: (the end)" top --where 'size=1 and'
refused "an empty expression" "missing, at character 1" top --where ''
refused "an escape in the message" 'character 8: .x1b' top --where "$(printf 'size=1 \033[31m')"
refused "an object that is not there" "no object @4242424242" top --where 'retained-by=@4242424242'
refused "twice" "given twice" top --where size=1 --where size=2
refused "a filter that is none" "wants contexts, detached, event-handlers, console or duplicated-strings, not 'dom'" summary --filter=dom
refused "two filters" "given twice" summary --filter=console --filter=contexts
refused "a mistake in view" "a value is missing" view --where size=

finish
