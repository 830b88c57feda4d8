# What the perl case runs: hashes, strings that grow, regular expressions, sorting, a forked child.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);

my %count;
my $text = '';
for my $i (1 .. 120_000) {
    my $word = sprintf('%x', ($i * 7919) % 10007);
    $count{$word} .= 'x' x ($i % 5);
    $text .= "$word " if $i % 3 == 0;
}
my @top = (sort { length($count{$b}) <=> length($count{$a}) || $a cmp $b } keys %count)[0 .. 9];
print "$_ ", length($count{$_}), "\n" for @top;

my $matches = () = $text =~ /\b[0-9]+[a-f]\b/g;
(my $changed = $text) =~ s/([a-f])(\d)/$2$1$1/g;
print "$matches ", length($changed), ' ', md5_hex($changed), "\n";

my @tree = map { { id => $_, children => [ map { "leaf $_" } 1 .. $_ % 9 ] } } 1 .. 20_000;
@tree = grep { @{ $_->{children} } > 4 } @tree;
print scalar(@tree), "\n";

my $pid = open(my $child, '-|') // die "no fork: $!";
if ($pid == 0) {
    print md5_hex(join ',', map { $_->{id} } @tree), "\n";
    exit 0;
}
print <$child>;
close $child or die 'the child failed';
