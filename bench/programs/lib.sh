# Sourced by every program of this directory; not a program itself.
#
# A program is called as `sh NAME.sh prepare|run DIRECTORY small|full`. prepare makes its inputs in DIRECTORY; run does the
# work and prints something that depends on these inputs alone. The environment is fixed here, so that neither the user's
# settings nor wrappers in the user's PATH take part.
PATH=/usr/bin:/bin
LC_ALL=C
TZ=UTC
HOME=$2
PYTHONHASHSEED=0
export PATH LC_ALL TZ HOME PYTHONHASHSEED

here=$(dirname "$0")
step=$1
dir=$2
size=$3

# by_size SMALL FULL: sets `amount` to the one that is asked for.
by_size() {
  case $size in
    full) amount=$2 ;;
    *) amount=$1 ;;
  esac
}

# Numbers that look random and are the same everywhere: awk's own generators differ. For use in awk programs.
awk_random='function random(n) { state = (state * 16807) % 2147483647; return int(state / 2147483647 * n) }'

nothing_to_prepare() { :; }

# main PREPARE RUN: the step's function.
main() {
  set -e
  case $step in
    prepare) mkdir -p "$dir"; "$1" ;;
    run) "$2" ;;
    *) echo "usage: $0 prepare|run DIRECTORY small|full" >&2; exit 2 ;;
  esac
}
