#!/bin/sh
# `midden check`: status, text, JSON and JUnit of rules that hold and rules that are broken; wrong rules; hostile names.
. tests/support/tap.sh
fixtures=$PWD/tests/golden/fixtures
tiny=$fixtures/tiny1.heapsnapshot before=$fixtures/node20-5mb-before.heapsnapshot.gz after=$fixtures/node20-5mb-after.heapsnapshot.gz

status() { # what expected arguments...
    what=$1 expected=$2
    shift 2
    timeout 60 "$midden" check "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    same "$what" "$expected" $?
}
refused() { # what pattern arguments...
    what=$1 pattern=$2
    shift 2
    timeout 60 "$midden" check "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    same "$what" "2 1 0 1" "$? $(wc -l <"$tmp/err" | tr -d ' ') $(wc -c <"$tmp/out" | tr -d ' ') $(grep -c "^midden: check: .*$pattern" "$tmp/err")"
}
json() { # a Perl expression over the parsed answer, in $j
    perl -MJSON::PP -e 'local $/; my $j = JSON::PP->new->decode(<STDIN>); print '"$1" <"$tmp/out"
}

# ---- figures are those of the class table
status "a rule that holds at its limit" 0 --max-count=Foo=3 --max-shallow=Foo=48 --max-retained=Foo=176 "$tiny"
status "one object too many" 1 --max-count=Foo=2 "$tiny"
status "one byte too many" 1 --max-shallow=Foo=47 "$tiny"
status "one retained byte too many" 1 --max-retained=Foo=175 "$tiny"
status "units" 0 --max-retained=Foo=0.176kB --max-shallow='Foo=1KiB' "$tiny"
status "a class that is not there" 0 --max-count=Nobody=0 "$tiny"
same "a class that is not there is stated" 1 "$(grep -c 'ok .*max-count Nobody=0: no class of this name' "$tmp/out")"
status "a pattern that matches none" 0 --max-count='N*y=0' "$tiny"
same "a pattern that matches none is stated" 1 "$(grep -c 'no class matches' "$tmp/out")"
status "a pattern is for each class" 1 --max-count='Ba*=2' "$tiny"
same "only Baz has three" 1 "$(grep -c 'FAIL .*Baz: 3 objects, limit 2' "$tmp/out")"
status "a name with parentheses" 0 --max-count='(string)=16802' "$after"
status "a name with parentheses, one too many" 1 --max-count='(string)=16801' "$after"
status "classes by interface" 1 --interfaces --max-count='{a, b, c}=10' "$after"
status "without interfaces they are Objects" 0 --max-count='{a, b, c}=10' "$after"

# ---- evidence
status "a cache" 1 --json --max-retained=UnboundedCache=50kB "$after"
same "its figure" "187" "$(json 'int($j->{checks}[0]{figure} / 1000)')"
same "the object and its path" "59449 .app .cache" \
    "$(json 'join " .", $j->{checks}[0]{examples}[0]{id}, map { $_->{edge_name} } @{$j->{checks}[0]{examples}[0]{path}}[1..2]')"
same "broken rules are counted" "1" "$(json '$j->{broken}')"
status "three examples of six hundred" 1 --json --max-count=Order=10 "$after"
same "three" 3 "$(json 'scalar @{$j->{checks}[0]{examples}}')"

# ---- growth
status "growth within its limit" 0 --max-growth=TreeNode=210 "$before" "$after"
status "growth beyond it" 1 --json --max-growth=TreeNode=209 --max-count=TreeNode=1000 "$before" "$after"
same "growth is checked once, counts on each file" "max-count max-growth max-count" "$(json 'join " ", map { $_->{rule} } @{$j->{checks}}')"
same "first and last" "765 210" "$(json '"$j->{checks}[1]{first} $j->{checks}[1]{figure}"')"
same "the examples are new" 0 "$("$midden" object "$before" "@$(json '$j->{checks}[1]{examples}[0]{id}')" >/dev/null 2>&1; [ $? = 2 ]; echo $?)"
status "growth over three files is from the first" 1 --max-growth=TreeNode=209 "$before" "$before" "$after"
status "a series that ends as it began" 0 --max-growth=TreeNode=0 "$before" "$after" "$before"

# ---- JUnit
status "JUnit beside text" 1 --junit="$tmp/results.xml" --max-count=Foo=2 --max-count=Bar=2 "$tiny"
same "two tests, one failure" 1 "$(grep -c '<testsuites tests="2" failures="1">' "$tmp/results.xml")"
same "the text is there, too" 1 "$(grep -c '^FAIL' "$tmp/out")"
status "a place that cannot be written" 3 --junit="$tmp/no/such" --max-count=Foo=2 "$tiny"
same "nothing is answered then" 0 "$(wc -c <"$tmp/out" | tr -d ' ')"
status "a directory" 3 --junit="$tmp" --max-count=Foo=2 "$tiny"
status "a device is written to as it is" 1 --junit=/dev/null --max-count=Foo=2 "$tiny"
check "a device stays one" test -c /dev/null
same "no temporary stays" "" "$(ls -A "$tmp" | grep '^\.results')"

cat >"$tmp/hostile" <<'END'
{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count"],"node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic"],"string","number","number","number"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"]},"node_count":2,"edge_count":1},
"nodes":[9,0,1,0,1, 3,1,3,64,0],"edges":[5,2,5],
"strings":["","<a b=\"c\">&'\u0000\u001b]0;x\u0007\ud800\ufffe]]>","<!--\u202e\n-->"]}
END
status "a hostile name" 1 --junit="$tmp/hostile.xml" --max-count='*=0' "$tmp/hostile"
same "no raw control or mark in text and XML" "0 0" "$(LC_ALL=C grep -c -a -P '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae|\xed[\xa0-\xbf]' "$tmp/out") $(LC_ALL=C grep -c -a -P '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae|\xed[\xa0-\xbf]|\xef\xbf\xbe' "$tmp/hostile.xml")"
same "the name's tags are entities" 2 "$(grep -c '&lt;a b=&quot;c&quot;&gt;&amp;&#39;' "$tmp/hostile.xml")"
if command -v xmllint >/dev/null; then
    check "xmllint reads it" xmllint --noout "$tmp/hostile.xml" "$tmp/results.xml"
else
    skip "xmllint reads it" "xmllint is not installed"
fi
same "tags open and close" 0 "$(perl -0777 -ne 's/<\?.*?\?>//; my @s; while (/<(\/?)([a-z]+)[^<>]*?(\/?)>/g) { if ($1) { pop(@s) eq $2 or die } elsif (!$3) { push @s, $2 } } print scalar @s' "$tmp/hostile.xml")"

# ---- wrong rules
refused "no rule" "no rule" "$tiny"
refused "no limit" "no '=' and limit.*character 4" --max-count=Foo "$tiny"
refused "no class" "no class before" --max-count==3 "$tiny"
refused "no number" "no number of objects (at character 5" --max-count=Foo=many "$tiny"
refused "a negative limit" "no number of objects" --max-count=Foo=-1 "$tiny"
refused "a size for a count" "no number of objects" --max-growth=Foo=1MB "$tiny" "$tiny"
refused "a size that is none" "no size such as" --max-retained=Foo=1XB "$tiny"
refused "growth in one file" "needs two files" --max-growth=Foo=1 "$tiny"
refused "no file" "too few" --max-count=Foo=1
refused "standard input twice" "only one" --max-count=Foo=1 - -
refused "an abbreviation of several options" "unknown option" --max=Foo=1 "$tiny"
status "the second file is bad" 3 --max-count=Foo=9 "$tiny" "$tmp/results.xml"

# ---- "-" is standard output, in place of the text
"$midden" check --max-count=Session=1 --junit="$tmp/file.xml" "$fixtures/node20-5mb-after.heapsnapshot.gz" >/dev/null
"$midden" check --max-count=Session=1 --junit=- "$fixtures/node20-5mb-after.heapsnapshot.gz" >"$tmp/stdout"
status=$?
same "--junit=-: status, and the bytes of the file" "1 $(sha256sum <"$tmp/file.xml")" "$status $(sha256sum <"$tmp/stdout")"
"$midden" check --max-count=Session=1 --junit=- --json "$fixtures/tiny1.heapsnapshot" >"$tmp/stdout" 2>"$tmp/err"
same "not beside --json" "2 1" "$? $(grep -c 'only one of' "$tmp/err")"

finish
