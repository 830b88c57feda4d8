#!/bin/sh
# title: ImageMagick: makes, resizes, sharpens and rotates images
# set: full only
# needs: convert-im6.q16
. "$(dirname "$0")/lib.sh"

work() {
  by_size 500 1200
  for operation in '-resize 160%' '-sharpen 0x2' '-rotate 17' '-quantize YUV -colors 32'; do
    # shellcheck disable=SC2086  # the operation is several words
    convert-im6.q16 -size "${amount}x$amount" -seed 1 gradient:red-blue -wave 9x70 -swirl 60 $operation ppm:- | cksum
  done
}

main nothing_to_prepare work
