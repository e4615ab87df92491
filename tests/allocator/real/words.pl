# Hashes, strings, regular expressions, closures and sorting, for as many rounds as asked: prints the same whatever malloc it runs on.
use strict;
use warnings;

my $rounds = shift // 1;
my $state = 12345;
sub below { $state = ($state * 1103515245 + 12345) & 0x7fffffff; return ($state >> 8) % $_[0] }
sub word { join '', map { chr(97 + below(26)) } 1 .. 2 + below(12) }

my (%count, %by_length, @kept);
for my $round (1 .. $rounds) {
    my $text = '';
    for (1 .. 20000) {
        my $word = word();
        $count{$word}++;
        push @{ $by_length{length $word} }, $word;
        $text .= $word . (below(10) ? ' ' : ".\n");
    }
    my $vowels = () = $text =~ /[aeiou]{2,}/g;
    my $pairs = () = $text =~ /\b(\w)\w*\s+\1\w*/g;
    (my $swapped = $text) =~ s/(\w+) (\w+)/$2 $1/g;
    $swapped =~ s/([a-f]+)/<\U$1>/g;
    $swapped =~ tr/a-y/b-z/;
    push @kept, $swapped if $round % 3 == 0;
    shift @kept if @kept > 4;
    printf "%d: %d vowels, %d pairs, %d bytes, sum %u\n", $round, $vowels, $pairs, length $swapped, unpack '%32C*', $swapped;
    delete @count{ (sort keys %count)[0 .. 999] };
    for my $length (keys %by_length) {
        my %seen;
        @{ $by_length{$length} } = grep { !$seen{$_}++ } sort { $b cmp $a } @{ $by_length{$length} };
        splice @{ $by_length{$length} }, 500;
    }
}
my @closures = map { my $n = $_; my @block = (1 .. $n % 50); sub { $n + @block + $_[0] } } 1 .. 20000;
my $sum = 0;
$sum += $_->($sum % 7) for @closures;
sub tree { my $depth = shift; return $depth ? { left => tree($depth - 1), right => tree($depth - 1), name => word() } : undef }
sub walk { my $node = shift; return $node ? walk($node->{left}) . substr($node->{name}, 0, 1) . walk($node->{right}) : '' }
my $walk = walk(tree(13));
printf "closures %d, tree %u, %d words, %s\n", $sum, unpack('%32C*', $walk), scalar keys %count,
    join ' ', map { "$_:" . @{ $by_length{$_} } } sort { $a <=> $b } keys %by_length;
