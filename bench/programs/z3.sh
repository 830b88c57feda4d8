#!/bin/sh
# title: Z3: satisfies constraints over integers, reals and an unknown function
# needs: z3 awk
. "$(dirname "$0")/lib.sh"

make_problem() {
  by_size 60 85
  awk -v n="$amount" '
    function a(i) { return "a" i % n }
    function b(i) { return "b" i % n }
    BEGIN {
      state = 1
      print "(declare-fun f (Int) Int)"
      for (i = 0; i < n; ++i) print "(declare-const a" i " Int)\n(declare-const b" i " Real)"
      for (i = 0; i < n; ++i) {
        state = (state * 16807) % 2147483647
        print "(assert (< " i " " a(i) " " i + 50 + state % 100 "))"
        print "(assert (> (f " a(i) ") (+ " a(i + 1) " " state % 7 ")))"
        print "(assert (< (+ " b(i) " (* 3.0 " b(i + 7) ") (* (- 1.0) " b(i + 13) ")) (to_real (f " a(i + 3) "))))"
        print "(assert (distinct " a(i) " " a(i + 1) " " a(i + 5) "))"
        print "(assert (or (> " b(i) " 10.0) (< (* 2.0 " b(i + 2) ") (- " b(i + 4) " 5.0))))"
      }
      print "(check-sat)\n(get-value (a0 b0 (f a0)))"
    }' >"$dir/problem.smt2"
}

work() {
  exec z3 sat.random_seed=1 smt.random_seed=1 "$dir/problem.smt2"
}

main make_problem work
