#!/bin/sh
# `midden export --csv` and `--html`: the figures are those of `summary` and `tree`, hostile names are harmless in a
# spreadsheet and in a page, files are whole or absent.
. tests/support/tap.sh
fixtures=$PWD/tests/golden/fixtures
after=$fixtures/node20-5mb-after.heapsnapshot.gz before=$fixtures/node20-5mb-before.heapsnapshot.gz

# ---- the class table
check "a table" "$midden" export --csv="$tmp/classes.csv" "$after"
"$midden" summary --json "$after" >"$tmp/summary.json"
cat >"$tmp/same_classes.pl" <<'END'
use strict;
use warnings;
use JSON::PP;
local $/;
open my $f, '<:raw', $ARGV[0] or die;
my $csv = <$f>;
my %row;
$csv =~ s/^class,key,count,shallow,retained\r\n// or die "no title";
while ($csv =~ s/^"((?:[^"]|"")*)","((?:[^"]|"")*)",(\d+),(\d+),(\d+)\r\n//) { $row{$2 =~ s/""/"/gr} = "$3 $4 $5" }
die "not a row: " . substr($csv, 0, 60) if $csv ne '';
open my $s, '<:raw', $ARGV[1] or die;
my $classes = JSON::PP->new->decode(<$s>)->{classes};
@$classes == keys %row or die scalar(@$classes) . " classes";
for (@$classes) { utf8::encode(my $k = $_->{key}); ($row{$k} // '') eq "$_->{count} $_->{shallow} $_->{retained}" or die $_->{key} }
END
check "it is the summary's" perl "$tmp/same_classes.pl" "$tmp/classes.csv" "$tmp/summary.json"
"$midden" export --interfaces --csv="$tmp/classes.csv" "$after" >/dev/null
"$midden" summary --interfaces --json "$after" >"$tmp/summary.json"
check "with interfaces, too" perl "$tmp/same_classes.pl" "$tmp/classes.csv" "$tmp/summary.json"

# ---- the page
check "a page" "$midden" export --html="$tmp/page.html" "$after"
cat >"$tmp/judge_page.pl" <<'END'
use strict;
use warnings;
use JSON::PP;
local $/;
open my $f, '<:raw', $ARGV[0] or die;
my $page = <$f>;
my ($data) = $page =~ m{<script type="application/json" id="data">\n(.*?)</script>}s or die "no data";
die "a bare < in the data" if $data =~ /</;
my $d = JSON::PP->new->decode($data);
die "sizes" if $d->{tree}[2] > $d->{total_size};
my ($nodes, @todo) = (0, $d->{tree});
while (my $n = pop @todo) { # what is below a node is no more than what it retains, and nothing is lost
    $nodes++;
    my $below = 0;
    $below += $_->[2] for @{$n->[5]};
    die "names of what is left out" if grep { $_->[1] == 0 || ($_->[0] eq '' && $_ != $n->[5][-1]) } @{$n->[5]};
    $below += $_->[2] for @{$n->[4]};
    die "@$n[0, 1]: $below + $n->[3] is not $n->[2]" if $below + $n->[3] != $n->[2];
    push @todo, @{$n->[4]};
}
die "$nodes nodes" if $nodes > 20001;
print "$nodes ", scalar @{$d->{classes}}, "\n";
END
same "its tree adds up at every node, and all classes are there" "yes 155" \
    "$(perl "$tmp/judge_page.pl" "$tmp/page.html" | awk '{ print ($1 > 100 ? "yes" : "no"), $2 }')"
same "it asks the network for nothing" 0 "$(grep -c 'https\?:\|src=\|@import\|url(' "$tmp/page.html")"
same "its policy forbids it to" 1 "$(grep -c "Content-Security-Policy.*default-src 'none'" "$tmp/page.html")"
for name in tiny1 tiny2 tiny3 node26-empty; do
    "$midden" export --html="$tmp/$name.html" "$fixtures/$name".heapsnapshot* >/dev/null
    check "$name: the tree adds up" perl "$tmp/judge_page.pl" "$tmp/$name.html"
done

# ---- two snapshots: what is new adds up too, and the table is that of diff
"$midden" export --html="$tmp/two.html" --csv="$tmp/two.csv" "$fixtures/node20-5mb-before.heapsnapshot.gz" "$after" >/dev/null
check "of two snapshots: the tree adds up" perl "$tmp/judge_page.pl" "$tmp/two.html"
"$midden" diff --json "$fixtures/node20-5mb-before.heapsnapshot.gz" "$after" >"$tmp/diff.json"
cat >"$tmp/judge_two.pl" <<'END'
use strict;
use warnings;
use JSON::PP;
local $/;
open my $f, '<:raw', $ARGV[0] or die;
my ($data) = <$f> =~ m{<script type="application/json" id="data">\n(.*?)</script>}s or die "no data";
my $d = JSON::PP->new->decode($data);
open my $g, '<:raw', $ARGV[1] or die;
my $want = JSON::PP->new->decode(<$g>)->{classes};
@$want == @{$d->{diff}} or die "rows";
my ($added, @todo) = (0, $d->{tree});
$added += $_->[3] for @{$d->{diff}};
# new by id alone, where the comparison looks at the class, too
$d->{tree}[6] == $d->{new_size} && $d->{new_size} <= $added && $d->{new_size} > $added * .99
    or die "new: $added, $d->{new_size}, $d->{tree}[6]";
while (my $n = pop @todo) {
    my $below = 0;
    $below += $_->[6] for @{$n->[4]};
    $below += $_->[3] for @{$n->[5]};
    die "@$n[0, 1]: $below new below, $n->[6] in all" if $below > $n->[6] || $n->[6] - $below > $n->[3];
    push @todo, @{$n->[4]};
}
END
check "and so does what is new in it, to nearly what the comparison has" perl "$tmp/judge_two.pl" "$tmp/two.html" "$tmp/diff.json"
same "the comparison as a table: each row of it" "$(grep -c '^{"name"' "$tmp/diff.json")" "$(($(wc -l <"$tmp/two.csv") - 1))"
same "with its figures" '"TreeNode","82,20,28,TreeNode",210,0,210,15120,0,15120' "$(tr -d '\r' <"$tmp/two.csv" | grep '^"TreeNode"')"

# ---- hostile names
cat >"$tmp/hostile" <<'END'
{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count"],"node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic"],"string","number","number","number"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"]},"node_count":8,"edge_count":7},
"nodes":[9,0,1,0,7, 3,1,3,64,0, 3,2,5,64,0, 3,3,7,64,0, 3,4,9,64,0, 3,5,11,64,0, 3,6,13,64,0, 3,7,15,64,0],
"edges":[5,1,5, 5,2,10, 5,3,15, 5,4,20, 5,5,25, 5,6,30, 5,7,35],
"strings":["","x</script><script>document.title='owned'</script>","x<!--<script>","=cmd|' /C calc'!A0","  @SUM(1)","\u0009=1+1","a\"b,c\r\n+1","\u202e-\u001b[31m\ud800\u0000"]}
END
check "a page of hostile names" "$midden" export --html="$tmp/hostile.html" --csv="$tmp/hostile.csv" "$tmp/hostile"
check "its data is sound" perl "$tmp/judge_page.pl" "$tmp/hostile.html"
same "no element but the page's own" 2 "$(grep -c '</script>' "$tmp/hostile.html")"
same "no raw control or mark" "0 0" "$(for f in html csv; do tr -d '\r' <"$tmp/hostile.$f" | LC_ALL=C grep -c -a -P '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae|\xed[\xa0-\xbf]'; done | tr '\n' ' ' | sed 's/ $//')"
same "no cell begins as a formula" 0 "$(LC_ALL=C grep -c '\(^\|,\)" *[=+@-]' "$tmp/hostile.csv")"
same "formulas are there behind an apostrophe" 2 "$(LC_ALL=C grep -c "^\"'[ ]*[=@]" "$tmp/hostile.csv")"
same "every row is one line" 8 "$(wc -l <"$tmp/hostile.csv" | tr -d ' ')"
if command -v chromium >/dev/null; then
    timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --user-data-dir="$tmp/profile" --dump-dom "file://$tmp/hostile.html" \
        >"$tmp/dom" 2>/dev/null
    same "a browser shows it and runs nothing of it" "1 0" "$(grep -c '<title>.*hostile</title>' "$tmp/dom") $(grep -c '<title>owned' "$tmp/dom")"
    same "a browser draws every class" 7 "$(grep -o '<td title=' "$tmp/dom" | wc -l | tr -d ' ')"
else
    skip "a browser shows it and runs nothing of it" "chromium is not installed"
fi

# ---- whole or absent
refused() { # what status pattern arguments...
    what=$1 status=$2 pattern=$3
    shift 3
    timeout 60 "$midden" export "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    same "$what" "$status 1 0 1" "$? $(wc -l <"$tmp/err" | tr -d ' ') $(wc -c <"$tmp/out" | tr -d ' ') $(grep -c "^midden: .*$pattern" "$tmp/err")"
}
refused "nowhere to write to" 2 "say where to" "$fixtures/tiny1.heapsnapshot"
refused "a directory that is not there" 3 "cannot write" --html="$tmp/no/page.html" "$fixtures/tiny1.heapsnapshot"
refused "a directory for a file" 3 "cannot write" --csv="$tmp" "$fixtures/tiny1.heapsnapshot"
echo mine >"$tmp/kept.html"
refused "a damaged snapshot" 3 "classes.csv: " --html="$tmp/kept.html" "$tmp/classes.csv"
same "what was there stays" mine "$(cat "$tmp/kept.html")"
(
    ulimit -f 16
    timeout 60 "$midden" export --html="$tmp/kept.html" "$after" >"$tmp/out" 2>"$tmp/err"
    echo $? >"$tmp/status"
) 2>/dev/null
same "a full disk: status, one line, and what was there" "3 1 mine" "$(cat "$tmp/status") $(wc -l <"$tmp/err" | tr -d ' ') $(cat "$tmp/kept.html")"
same "no temporary stays" "" "$(ls -A "$tmp" | grep '^\.kept')"
echo mine >"$tmp/kept.csv"
(
    ulimit -f 4
    timeout 60 "$midden" export --csv="$tmp/kept.csv" "$after" >"$tmp/out" 2>"$tmp/err"
    echo $? >"$tmp/status"
) 2>/dev/null
same "a table on a full disk: status, one line, and what was there" "3 1 mine" "$(cat "$tmp/status") $(wc -l <"$tmp/err" | tr -d ' ') $(cat "$tmp/kept.csv")"
same "no temporary of it stays" "" "$(ls -A "$tmp" | grep '^\.kept')"
if [ -w /dev/full ]; then
    for to in --html=/dev/full --csv=/dev/full; do
        "$midden" export $to "$after" >"$tmp/out" 2>"$tmp/err"
        same "$to: status, one line, no answer" "3 1 0" "$? $(grep -c '/dev/full: cannot write: No space' "$tmp/err") $(wc -c <"$tmp/out" | tr -d ' ')"
    done
    for to in --html=- --csv=-; do
        "$midden" export $to "$after" >/dev/full 2>"$tmp/err"
        same "$to on a full disk: status, one line" "3 1" "$? $(grep -c 'standard output: cannot write: No space' "$tmp/err")"
    done
else
    skip "a device that is full" "no /dev/full"
fi

# ---- "-" is standard output, which then has nothing else
for form in "html $after" "csv $after" "html $before $after" "csv $before $after"; do
    to=${form%% *}
    # shellcheck disable=SC2086
    (cd "$tmp" && "$midden" export --$to=- ${form#* } >stdout && "$midden" export --$to=file ${form#* } >/dev/null)
    same "--$to=-: the same bytes as in a file, of $(echo "$form" | wc -w) words" "$(sha256sum <"$tmp/file")" "$(sha256sum <"$tmp/stdout")"
done
same "no file of that name" no "$([ -e "$tmp/-" ] && echo yes || echo no)"
refused "two answers for one output" 2 "only one of" --html=- --csv=- "$after"
refused "a page and JSON for one output" 2 "only one of" --html=- --json "$after"
refused "columns have no one output" 2 "wants a directory" --columns=- "$after"

finish
