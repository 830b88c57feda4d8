#!/bin/sh
# title: sort: lines of text by a key, in memory, two threads
# needs: sort awk
. "$(dirname "$0")/lib.sh"

make_lines() {
  by_size 300000 1200000
  awk -v lines="$amount" "$awk_random"'
    BEGIN { state = 1; for (i = 0; i < lines; ++i) print random(1000), "key" random(1000000), "value" i, random(97) }
  ' >"$dir/lines"
}

work() {
  sort --parallel=2 -S 50% -k1,1n -k2,2 "$dir/lines" | cksum
}

main make_lines work
