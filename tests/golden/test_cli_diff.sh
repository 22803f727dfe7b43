#!/bin/sh
# `midden diff` of a series: each step is what `diff` of its two files says, and the steps add up.
. tests/support/tap.sh
fixtures=$PWD/tests/golden/fixtures
after=$fixtures/node20-5mb-after.heapsnapshot.gz
before=$fixtures/node20-5mb-before.heapsnapshot.gz

cat >"$tmp/judge.pl" <<'END'
use strict;
use warnings;
use JSON::PP;
sub slurp { open my $f, '<:raw', $_[0] or die; local $/; my $t = <$f>; $t =~ s/\\u[dD][89a-fA-F][0-9a-fA-F]{2}/?/g; JSON::PP->new->decode($t) }
my ($series, @steps) = map { slurp($_) } @ARGV;
my @figures = qw(added removed added_size removed_size delta delta_size);
my $seen = 0;
for my $r (@{$series->{classes}}) {
    my ($grew, %sum) = (0);
    for my $k (0 .. $#steps) {
        my ($two) = grep { $_->{key} eq $r->{key} } @{$steps[$k]{classes}};
        for my $f (@figures) {
            my $want = $two ? $two->{$f} : 0;
            $r->{steps}[$k]{$f} == $want or die "$r->{key}: step $k, $f: $r->{steps}[$k]{$f}, not $want\n";
            $sum{$f} += $want;
        }
        $grew++ if $two && $two->{delta_size} > 0;
        $seen++ if $two;
    }
    $r->{$_} == $sum{$_} or die "$r->{key}: $_\n" for @figures;
    $r->{grew} == $grew or die "$r->{key}: grew\n";
}
my $rows = 0;
$rows += @{$_->{classes}} for @steps;
$seen == $rows or die "$seen of $rows rows\n";
END

# The interfaces of all are those of the last, so that a step alone has the same classes only where it ends there, too.
"$midden" diff --json "$before" "$after" "$after" >"$tmp/series"
"$midden" diff --json "$before" "$after" >"$tmp/one"
"$midden" diff --json "$after" "$after" >"$tmp/two"
check "steps are those of two files each" perl "$tmp/judge.pl" "$tmp/series" "$tmp/one" "$tmp/two"
"$midden" diff --json "$after" "$before" "$after" >"$tmp/series"
same "there and back adds up to nothing" 0 "$(grep '^{"name"' "$tmp/series" | grep -cv '"delta":0,"delta_size":0,"grew":')"
same "the files are named" '{"files":["'"$after"'","'"$before"'","'"$after"'"],"classes":[' "$(head -n 1 "$tmp/series")"
same "by how often they grew" 1 "$("$midden" diff --json --sort=grew "$after" "$before" "$after" | sed -n '2s/.*"grew":\([0-9]*\),.*/\1/p')"
"$midden" diff "$before" - - >"$tmp/out" 2>"$tmp/err" <"$after"
same "standard input twice" "2 1 0" "$? $(grep -c 'standard input can be only one' "$tmp/err") $(wc -c <"$tmp/out" | tr -d ' ')"
"$midden" diff --where 'retained-by=@4242424242' "$before" "$after" "$after" >"$tmp/out" 2>"$tmp/err"
same "an object that none of them has" "2 1" "$? $(grep -c 'none of the snapshots has' "$tmp/err")"

finish
