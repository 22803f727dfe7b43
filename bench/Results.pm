# SPDX-License-Identifier: MIT
#
# Results.pm: reads the JSON that bench writes, for table and compare. What is not such a file is one clear line on
# stderr and exit 3.
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

# What is ours; what only shows the cost of the harness; what is no peer but a bound.
sub is_ours  { return $_[0] =~ /^midden/ }
sub is_floor { return $_[0] =~ /^floor/ }
sub is_bound { return is_floor($_[0]) || $_[0] eq 'by-hand' }

1;
