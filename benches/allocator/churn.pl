# Hashes and strings of an interpreter: counting words, joining, splitting and replacing text, records in nested structures.
#
# usage: churn.pl ROUNDS
use strict;
use warnings;

my ($rounds) = @ARGV;
my ($state, %count, @kept) = (1);
my ($matches, $length) = (0, 0);
for my $round (1 .. $rounds) {
    my @words;
    for (1 .. 500) {
        $state = ($state * 1103515245 + 12345) & 0x7FFFFFFF;
        push @words, sprintf('%x', $state >> 10) . ('x' x ($state % 23));
    }
    $count{ substr($_, 0, 4) }++ for @words;
    my $line = join(' ', @words);
    (my $other = $line) =~ s/([0-9])([a-f])/$2$1/g;
    $matches += () = $other =~ /[a-f][0-9]/g;
    my %record = map { $_ => { name => $_, parts => [ split //, $_ ] } } @words[0 .. 49];
    $length += length(join ',', map { "$_=@{$record{$_}{parts}}" } sort keys %record);
    push @kept, \%record;
    shift @kept if @kept > 100;
}
printf "%d rounds, %d prefixes, %d matches, %d characters\n", $rounds, scalar(keys %count), $matches, $length;
