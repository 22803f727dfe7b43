#!/bin/sh
# The examples of heapdump/README.md and of tests/golden/cli_text.md: every indented line "$ midden ..." is run in the
# directory of the fixtures, and what it prints must be what stands below it.
#
#   UPDATE=1 sh tests/golden/test_cli_examples.sh     writes what is printed now into the documents
. tests/support/tap.sh

cat >"$tmp/run.pl" <<'END'
use strict;
use warnings;
binmode STDOUT;
my ($document, $bin, $scratch) = @ARGV;
open my $in, '<:raw', $document or die "$document: $!";
my @lines = <$in>;
my ($count, @new) = (0);
while (@lines) {
    my $line = shift @lines;
    push @new, $line;
    next unless $line =~ /^    \$ (.*midden .*)$/;
    my $command = $1;
    my $expected = '';
    $expected .= shift @lines while @lines && ($lines[0] =~ /^    (?!\$ )/ || ($lines[0] eq "\n" && @lines > 1 && $lines[1] =~ /^    (?!\$ )/));
    (my $shell = $command) =~ s{/tmp/columns}{$scratch};
    my $got = `cd tests/golden/fixtures && PATH=$bin:\$PATH; export PATH; ($shell) 2>&1`;
    $got =~ s{\Q$scratch\E}{/tmp/columns}g;
    $got =~ s/^(?=.)/    /mg;
    print $got eq $expected ? "ok" : "not ok", " $command\n";
    print map { "#   $_\n" } split /\n/, $got if $got ne $expected;
    push @new, $got;
    $count++;
}
print $count ? "" : "not ok no examples in $document\n";
if ($ENV{UPDATE}) {
    open my $out, '>:raw', $document or die "$document: $!";
    print $out @new;
}
END

for document in heapdump/README.md tests/golden/cli_text.md; do
    perl "$tmp/run.pl" "$document" "$(dirname "$midden")" "$tmp/columns" >"$tmp/results"
    while IFS= read -r line; do
        case $line in
        "ok "*) tap_result "${line#ok }" 0 ;;
        "not ok "*) tap_result "${line#not ok }" 1 ;;
        *) printf '%s\n' "$line" ;;
        esac
    done <"$tmp/results"
done

finish
