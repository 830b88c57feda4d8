#!/bin/sh
# title: Perl: hashes, arrays, regular expressions, joins and splits
# needs: perl
. "$(dirname "$0")/lib.sh"

work() {
  by_size 1 5
  PERL_HASH_SEED=0 exec perl "$here/perl.pl" "$amount"
}

main nothing_to_prepare work
