# A virtual machine with Debian's kernel, in QEMU, software emulation, no network. To be sourced from the project's root, as root.
#
#   work      a directory that goes when the script ends
#   fail      says why nothing can be checked, and ends
#   need      TOOL:PACKAGE... are installed with apt when they are missing
#   pack      makes the machine's files from $work/root
#   with_libraries PROGRAM...   copies to $work/root what they are linked with
#   boot      SECONDS MIB OPTION...   prints what the machine prints
set -uo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/root/{proc,sys,dev,tmp}

fail() { echo "$*" >&2; echo "0 passed, 1 failed"; exit 1; }

need() {
  local tool
  for tool in "$@"; do
    command -v "${tool%:*}" >/dev/null && continue
    [[ $(id -u) -eq 0 ]] || fail "missing: apt-get install ${tool#*:}"
    apt-get install -y --no-install-recommends "${tool#*:}" >"$work/apt.log" 2>&1 || { cat "$work/apt.log"; fail "cannot install ${tool#*:}"; }
  done
}

# The kernel is unpacked, not installed.
find_kernel() {
  local package
  kernel=$(find build/vm -name 'vmlinuz-*' 2>/dev/null | sort | tail -1)
  [[ -n $kernel ]] && return
  package=$(apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" { print $2; exit }')
  mkdir -p build/vm
  (cd "$work" && apt-get download "$package" >apt.log 2>&1 && dpkg-deb -x "$package"_*.deb kernel) || { cat "$work/apt.log"; fail "cannot fetch $package"; }
  cp "$work"/kernel/boot/vmlinuz-* build/vm/
  kernel=$(find build/vm -name 'vmlinuz-*' | sort | tail -1)
}

with_libraries() {
  local file
  while read -r file; do
    mkdir -p "$work/root$(dirname "$file")"
    cp -L "$file" "$work/root$file"
  done < <(ldd "$@" | grep -o '/[^ ]*\.so[^ ]*' | grep -v ':$' | sort -u)
}

pack() {
  mknod "$work/root/dev/console" c 5 1 || fail "cannot make /dev/console: run as root"
  (cd "$work/root" && find . | cpio -o -H newc --quiet) | gzip -1 >"$work/initramfs" || fail "cannot pack the initramfs"
}

boot() {
  local seconds=$1 mib=$2
  shift 2
  timeout "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -machine q35 -cpu max -m "${mib}M" "$@" -kernel "$kernel" -initrd "$work/initramfs" \
    -append "console=ttyS0 quiet panic=-1 nokaslr mitigations=off" -nic none -display none -monitor none -serial stdio -no-reboot </dev/null | tr -d '\r'
}

need qemu-system-x86_64:qemu-system-x86 cpio:cpio
find_kernel
