#!/bin/sh
# title: Redis: a server under the allocator, redis-benchmark without it, over a local socket
# needs: redis-server redis-benchmark redis-cli
. "$(dirname "$0")/lib.sh"

# The clients run under the C library's malloc; time is that of the whole, which the server's speed decides.
client() {
  program=$1
  shift
  LD_PRELOAD='' "$program" -s "$dir/socket" "$@"
}

wait_for_server() {
  tries=0
  until client redis-cli ping >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 500 ]
    LD_PRELOAD='' sleep 0.01
  done
}

# Debian's server is linked with jemalloc. Without a preload it would run under that, and not under the C library's malloc.
choose_malloc() {
  if [ -z "$LD_PRELOAD" ]; then
    LD_PRELOAD=libc.so.6
    export LD_PRELOAD
  fi
}

work() {
  choose_malloc
  by_size 30000 120000
  redis-server --port 0 --unixsocket "$dir/socket" --save '' --appendonly no --daemonize no --dir "$dir" \
    --logfile "$dir/log" &
  server=$!
  trap 'kill -9 $server 2>/dev/null' EXIT
  wait_for_server
  client redis-benchmark -q -n "$amount" -c 20 -P 8 -d 100 -r 50000 \
    -t set,get,incr,lpush,rpop,sadd,hset,zadd >"$dir/rates"
  client redis-benchmark -q -n "$amount" -c 20 -P 8 -d 2000 -r 5000 -t set,get >>"$dir/rates"
  client redis-cli exists mylist myhash myset
  client redis-cli shutdown nosave
  wait "$server"
  trap - EXIT
}

main nothing_to_prepare work
