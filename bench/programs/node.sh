#!/bin/sh
# title: Node.js: JSON, arrays, strings, maps, buffers
# needs: node
. "$(dirname "$0")/lib.sh"

work() {
  by_size 4 16
  exec node "$here/node.js" "$amount"
}

main nothing_to_prepare work
