# What a shell does with processes: each line says what it shows.
set -u
fail() { echo "FAILED: $*"; failed=1; }
failed=0
is() { [ "$2" = "$3" ] || fail "$1: '$2' instead of '$3'"; }

is "a pipeline" "$(printf 'b\na\nb\n' | sort | uniq -c | tr -s ' ' | tr '\n' ';')" " 1 a; 2 b;"
is "status of the last command" "$(false | true; echo $?)" 0
is "pipefail" "$(set -o pipefail; false | true; echo $?)" 1
true | false | true; is "PIPESTATUS" "${PIPESTATUS[*]}" "0 1 0"
x=1; (x=2; exit 7); is "a subshell's status" "$?" 7; is "a subshell's variables" "$x" 1
is "nested substitution" "$(echo "$(echo "$(echo deep)")")" deep
is "a here-document" "$(cat <<EOF
x is $x
$(echo substituted)
EOF
)" "x is 1
substituted"
is "a quoted here-document" "$(cat <<'EOF'
$x
EOF
)" '$x'
is "a here-string" "$(cat <<<"word $x")" "word 1"
is "a large here-document" "$(head -c 100000 /dev/zero | tr '\0' a | { read -r line; cat <<EOF
$line
EOF
} | wc -c)" 100001
is "process substitution" "$(cat <(echo one) <(echo two))" "one
two"
is "output to a process" "$( { echo to > >(cat); wait $!; } )" to
is "redirections" "$( { echo out; echo err >&2; } 2>&1 >/dev/null )" err
exec 5>/tmp/five; echo five >&5; exec 5>&-; is "a descriptor of its own" "$(cat /tmp/five)" five
sleep 100 & kill $!; wait $!; is "a killed job" "$?" 143
(exit 3) & a=$!; (exit 4) & b=$!; wait $b; is "wait for the second" "$?" 4; wait $a; is "and for the first" "$?" 3
(sleep 1; exit 5) & (exit 6) & wait -n; is "wait for any" "$?" 6; wait -n; is "wait for the other" "$?" 5
is "a trap of EXIT" "$(trap 'echo bye' EXIT; echo hi)" "hi
bye"
is "a trap of a signal" "$(trap 'echo caught' USR1; kill -USR1 $BASHPID; echo after)" "caught
after"
# Again and again: one that comes before the wait ends nothing.
trap 'echo -n' USR1; (while sleep 0.2; do kill -USR1 $$; done) & k=$!; sleep 100 & s=$!; wait $s; is "wait is interrupted by a trap" "$?" 138; kill $k $s; wait; trap - USR1
is "a trap of ERR" "$(trap 'echo err' ERR; false; true)" err
is "an ignored signal is inherited" "$(trap '' TERM; bash -c 'kill -TERM $$; echo alive')" alive
is "a signal's status" "$(bash -c 'kill -KILL $$' 2>/dev/null; echo $?)" 137
is "a broken pipe" "$( { yes || true; echo "${PIPESTATUS[0]}" >&2; } 2>/dev/null | head -n 1)" y
set -o pipefail; yes | head -n 1 >/dev/null; is "SIGPIPE's status" "$?" 141; set +o pipefail
coproc tr a-z A-Z; echo upper >&"${COPROC[1]}"; eval "exec ${COPROC[1]}>&-"; read -r line <&"${COPROC[0]}"; is "a coprocess" "$line" UPPER; wait
is "exec" "$(exec echo replaced; echo not)" replaced
is "a missing command" "$(no-such-command 2>/dev/null; echo $?)" 127
is "no permission" "$(/etc/passwd 2>/dev/null; echo $?)" 126
printf '#!/bin/sh\necho "script $1 $#"\n' >/tmp/script; chmod +x /tmp/script; is "a script" "$(/tmp/script one two)" "script one 2"
is "a loop in a pipeline" "$(seq 1 50 | while read -r i; do echo $((i * i)); done | tail -n 1)" 2500
is "glob" "$(mkdir -p /tmp/g; cd /tmp/g; touch b a c; echo *)" "a b c"
is "xargs" "$(seq 1 10 | xargs -n 3 echo | wc -l)" 4
is "find -exec" "$(find /tmp/g -type f -exec basename {} \; | sort | tr '\n' ' ')" "a b c "
for i in $(seq 1 20); do echo "$i" & done >/tmp/many; wait; is "twenty jobs" "$(sort -n /tmp/many | tr '\n' ' ')" "$(seq -s ' ' 1 20) "
is "time and ulimit" "$(ulimit -n 100; ulimit -n)" 100
set -m; sleep 100 & kill -STOP $!; for i in $(seq 1 50); do [ "$(jobs -s)" ] && break; sleep 0.1; done; is "a stopped job" "$(jobs -s | wc -l)" 1
kill $!; fg %+ >/dev/null 2>&1; is "a continued and killed one" "$?" 143; set +m
[ $failed = 0 ] && echo "bash's processes work"
exit $failed
