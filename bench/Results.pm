# SPDX-License-Identifier: MIT
#
# Results.pm: reads the JSON that bench writes, for table, compare and report, and says its figures and ratios. What is not
# such a file is one clear line on stderr and exit 3.
package Results;
use strict;
use warnings;
use JSON::PP ();

our $program = ($0 =~ m{([^/]+)$})[0];

sub damaged {
    my ($file, $why) = @_;
    $why =~ s/ at \S+ line \d+\.?\n?//;
    print STDERR "$program: $file: $why\n";
    exit 3;
}

# The decoded file, with {by}{"group/workload"}{subject} = case and {order} = the workloads as they stand.
sub load {
    my ($file) = @_;
    open my $in, '<', $file or damaged($file, "cannot be read: $!");
    local $/;
    my $text = <$in>;
    my $r = eval { JSON::PP::decode_json($text // '') };
    damaged($file, "is not JSON: $@") if !defined $r;
    damaged($file, 'is no result of bench') if ref $r ne 'HASH' || ($r->{schema} // '') !~ /^midden-bench-/;
    damaged($file, "has the format $r->{schema}, which this program does not know") if $r->{schema} ne 'midden-bench-1';
    damaged($file, 'has no cases') if ref $r->{cases} ne 'ARRAY' || !@{ $r->{cases} };
    for my $c (@{ $r->{cases} }) {
        damaged($file, 'has a case without a name') if grep { !defined $c->{$_} } qw(group workload subject);
        my $key = "$c->{group}/$c->{workload}";
        push @{ $r->{order} }, $key if !$r->{by}{$key};
        $r->{by}{$key}{ $c->{subject} } = $c;
    }
    return $r;
}

sub median {
    my @v = sort { $a <=> $b } @_;
    return undef if !@v;
    return @v % 2 ? $v[ @v / 2 ] : ($v[ @v / 2 - 1 ] + $v[ @v / 2 ]) / 2;
}

# The interval that holds the median of what the values are drawn from with 95 % confidence or more, without an assumption on their
# distribution: between two values of the sorted list, so many from either end (binomial). Empty for fewer than six.
sub confidence {
    my @v = sort { $a <=> $b } @_;
    my ($tail, $chance, $k) = (0, 0.5**@v, 0); # the chance that fewer than k + 1 of the values lie below the median
    while ($k < @v / 2 && $tail + $chance <= 0.025) {
        $tail += $chance;
        $chance *= (@v - $k) / ($k + 1);
        $k++;
    }
    return $k == 0 ? () : @v[ $k - 1, -$k ];
}

# What is ours; what only shows the cost of the harness; what is no peer but a bound.
sub is_ours  { return $_[0] =~ /^midden/ }
sub is_floor { return $_[0] =~ /^floor/ }
sub is_bound { return is_floor($_[0]) || $_[0] eq 'by-hand' }

# To whom a group is compared first. A group without has no peers.
our %reference = (pool => 'jemalloc', heap => 'boehm', dump => 'node');

sub seconds_of_ns {
    my ($ns) = @_;
    return '-' if !defined $ns;
    return sprintf '%.2f s', $ns / 1e9  if $ns >= 1e9;
    return sprintf '%.0f ms', $ns / 1e6 if $ns >= 1e8;
    return sprintf '%.1f ms', $ns / 1e6 if $ns >= 1e6;
    return sprintf '%.1f us', $ns / 1e3 if $ns >= 1e4;
    return sprintf $ns < 100 ? '%.1f' : '%.0f', $ns;
}

sub bytes_of {
    my ($b) = @_;
    return '-' if !defined $b;
    return sprintf '%.2f GB', $b / 2**30 if $b >= 2**30;
    return sprintf '%.1f MB', $b / 2**20 if $b >= 2**20;
    return sprintf '%.0f KB', $b / 1024;
}

sub ratio {
    my ($x) = @_;
    return sprintf $x < 10 ? '%.2f x' : '%.0f x', $x;
}

# The subjects of some workloads in the order of the file, ours first and the floor last.
sub subjects {
    my ($r, @keys) = @_;
    my (%seen, @all);
    for my $key (@keys) {
        my $cases = $r->{by}{$key};
        for my $c (grep { "$_->{group}/$_->{workload}" eq $key } @{ $r->{cases} }) {
            push @all, $c->{subject} if !$seen{ $c->{subject} }++;
        }
    }
    return ((grep { is_ours($_) } @all),
        (grep { !is_ours($_) && !is_floor($_) } @all),
        (grep { is_floor($_) } @all));
}

# Ratios of a figure (less is better) to the reference, to the best peer and to the program that frees by hand, which no
# collector can know how to be; and whether that is a loss.
sub ratios {
    my ($r, $key, $figure, $figure_is_bytes) = @_;
    my $cases = $r->{by}{$key};
    my ($ours) = grep { defined } map { $figure->($cases->{$_}) } grep { $_ eq 'midden' } keys %$cases;
    return ('-', '-', '-') if !$ours && !($cases->{midden} && defined $cases->{midden}{failed});
    my %peer = map { $_ => $figure->($cases->{$_}) }
      grep { !is_ours($_) && !is_bound($_) && !defined $cases->{$_}{failed} && defined $figure->($cases->{$_}) } keys %$cases;
    my ($best) = sort { $peer{$a} <=> $peer{$b} || $a cmp $b } keys %peer;
    return ('-', '-', '-') if !defined $best;
    return ('-', "failed, not $best", '-', 1) if !$ours;
    my ($group) = $key =~ m{^([^/]+)};
    my $named = $peer{ $reference{$group} // '' };
    my $lost = $peer{$best} < $ours && ($figure_is_bytes ? $ours - $peer{$best} > 2**20 && $ours > 1.1 * $peer{$best} : 1);
    my $bound = $cases->{'by-hand'} && $figure->($cases->{'by-hand'});
    return (
        defined $named ? ratio($named / $ours) : '-',
        ratio($peer{$best} / $ours) . " $best",
        $bound ? ratio($bound / $ours) : '-', $lost
    );
}

# The least time that a workload could take on this machine, by what was measured in the same run; undef where no limit is known.
#   pool, dump/read   the floor: the harness without an allocator, or the file's bytes alone
#   heap              all bytes that midden allocated, bumped and written in a nursery that fits the cache, and never collected
#   dump/write        the file's bytes copied once
sub possible {
    my ($r, $key) = @_;
    my $limit = sub { my $c = $r->{by}{"machine/$_[0]"}; return $c && $c->{limit}{median_ns} };
    my $ours = $r->{by}{$key}{midden} or return undef;
    my ($floor) = map { $r->{by}{$key}{$_}{median_ns} } grep { is_floor($_) } keys %{ $r->{by}{$key} };
    return $floor if defined $floor;
    my ($bytes, $ns) = $key =~ m{^heap/} ? (counter('gc_allocated_bytes')->($ours), $limit->('bump-32'))
      : $key =~ m{^dump/write} ? (counter('file_bytes')->($ours), $limit->('copy-64k')) : ();
    return $bytes && $ns ? $bytes * $ns / ($key =~ m{^heap/} ? 32 : 65536) : undef;
}

# The same as a share of midden's time, in words.
sub share_of_possible {
    my ($r, $key) = @_;
    my ($possible, $ours) = (possible($r, $key), $r->{by}{$key}{midden} && $r->{by}{$key}{midden}{median_ns});
    return '-' if !$possible || !$ours;
    my $share = 100 * $possible / $ours;
    return sprintf $share < 10 ? '%.1f %%' : '%.0f %%', $share;
}

# The median of a counter of a case.
sub counter {
    my ($name) = @_;
    return sub { my ($c) = @_; return $c->{counters}{$name} && median(@{ $c->{counters}{$name} }) };
}

1;
