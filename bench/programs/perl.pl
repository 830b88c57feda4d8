# What Perl scripts do with memory: log lines are made, taken apart by regular expressions, counted in hashes and sorted.
# usage: perl.pl REPEATS        prints numbers that are the same for the same REPEATS everywhere
use strict;
use warnings;

my $state = 1;
sub random { $state = ($state * 16807) % 2147483647; return $state % $_[0]; }

sub log_lines {
    return map { sprintf "%d.%d.0.%d GET /page/%d?q=%s %d", random(250), random(250), random(250), random(5000),
        join('+', map { 'word' . random(700) } 1 .. 4), random(100000) } 1 .. $_[0];
}

my ($bytes, $pages, $words, $longest) = (0, 0, 0, '');
for (1 .. $ARGV[0]) {
    my (%page, %word, %by_host);
    for my $line (log_lines(25000)) {
        next unless $line =~ m{^(\S+) GET /page/(\d+)\?q=(\S+) (\d+)$};
        my ($host, $number, $query, $size) = ($1, $2, $3, $4);
        $bytes += $size;
        $page{$number} += $size;
        $word{$_}++ for split /\+/, $query;
        push @{ $by_host{$host} }, { page => $number, size => $size };
    }
    $pages += keys %page;
    my @sorted = sort { $word{$b} <=> $word{$a} || $a cmp $b } keys %word;
    $words += $word{ $sorted[0] };
    for my $host (sort keys %by_host) {
        my $text = join ',', map { "$_->{page}:$_->{size}" } @{ $by_host{$host} };
        $text =~ s/(\d+):/<$1>/g;
        $longest = $text if length $text > length $longest;
    }
}
print "$bytes $pages $words $longest\n";
