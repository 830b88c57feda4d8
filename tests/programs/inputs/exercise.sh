# What the bash case runs: arrays, maps, strings, functions, subshells and pipelines.
declare -A seen
for ((i = 0; i < 6000; ++i)); do
  key=$((i * 7919 % 1009))
  seen[$key]+="$((i % 10))"
done
for key in $(printf '%s\n' "${!seen[@]}" | sort -n | head -20); do
  echo "$key ${seen[$key]}"
done

text=
for ((i = 0; i < 3000; ++i)); do text+="line $i of a growing text;"; done
echo "${#text} ${text//line/LINE}" | cksum

fibonacci() { if (($1 < 2)); then echo "$1"; else echo $(($(fibonacci $(($1 - 1))) + $(fibonacci $(($1 - 2))))); fi; }
fibonacci 9

for i in 1 2 3 4; do (for ((j = 0; j < 2000; ++j)); do list+=("$i.$j"); done; echo "${list[*]}" | cksum) & wait; done
seq 20000 | while read -r number; do ((number % 4000 == 0)) && echo "$number"; done
mapfile -t lines < <(seq 30000)
echo "${#lines[@]} ${lines[29999]}"
