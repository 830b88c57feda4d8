#!/bin/sh
# title: Python with its own small-object allocator switched off, so that every object is a malloc
# needs: python3
. "$(dirname "$0")/lib.sh"

work() {
  by_size 2 8
  PYTHONMALLOC=malloc
  export PYTHONMALLOC
  exec python3 -s "$here/python3.py" "$amount"
}

main nothing_to_prepare work
