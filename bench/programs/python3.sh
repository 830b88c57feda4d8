#!/bin/sh
# title: Python: JSON, dictionaries, objects, sorting, text
# needs: python3
. "$(dirname "$0")/lib.sh"

work() {
  by_size 3 12
  exec python3 -s "$here/python3.py" "$amount"
}

main nothing_to_prepare work
