#!/bin/sh
# title: git: log with patches, blame and a full repack of a made-up repository
# needs: git awk
. "$(dirname "$0")/lib.sh"
GIT_CONFIG_NOSYSTEM=1
export GIT_CONFIG_NOSYSTEM

# A fast-import stream: commits that each rewrite one of forty files, with some lines changed.
history() {
  awk -v commits="$1" "$awk_random"'
    BEGIN {
      state = 1
      for (c = 1; c <= commits; ++c) {
        file = random(40)
        for (k = 0; k < 12; ++k) line[file, random(300)] = "line " random(100000) " of file " file
        content = ""
        for (l = 0; l < 300; ++l) content = content line[file, l] "\n"
        message = "change " c " to file " file
        print "commit refs/heads/main\ncommitter A U Thor <author@example.com> " 1700000000 + c * 60 " +0000"
        printf "data %d\n%s\n", length(message), message
        printf "M 100644 inline directory%d/file%d.txt\ndata %d\n%s\n", file % 5, file, length(content), content
      }
    }'
}

make_repository() {
  by_size 1500 5000
  rm -rf "$dir/repository"
  git init -q -b main "$dir/repository"
  history "$amount" | git -C "$dir/repository" fast-import --quiet
}

work() {
  cd "$dir/repository"
  git log -p --stat main | cksum
  git blame main -- directory3/file3.txt | cksum
  git -c pack.threads=2 repack -q -a -d -f
  git rev-list --objects --all | cksum
}

main make_repository work
