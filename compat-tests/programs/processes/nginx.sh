# nginx as a distribution configures it: a daemon with a master and two workers that is reloaded, loses a worker, and is
# asked to quit. The folder that nginx was built to use is there; this script is its own configuration.
set -eu
fail() { echo "FAILED: $*"; cat /tmp/error.log 2>/dev/null; exit 1; }
page() { wget -q -O - http://127.0.0.1:8089/; }
# Processes whose parent is $1.
children() {
    for status in /proc/[0-9]*/status; do
        if grep -q "^PPid:[[:space:]]*$1\$" "$status" 2>/dev/null; then
            basename "$(dirname "$status")"
        fi
    done | sort -n | tr '\n' ' '
}
until_true() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || fail "not within 20 s: $*"
        sleep 0.1
    done
}
configure() {
    cat >/tmp/nginx.conf <<EOF
user www-data;
worker_processes 2;
pid /tmp/nginx.pid;
error_log /tmp/error.log info;
events { worker_connections 64; }
http { access_log off; server { listen 8089; location / { return 200 "$1\n"; } } }
EOF
}

configure one
nginx -c /tmp/nginx.conf
until_true test -s /tmp/nginx.pid
master=$(cat /tmp/nginx.pid)
[ "$(page)" = one ] || fail "the first page is '$(page)'"
two_workers() { [ "$(children "$master" | wc -w)" = 2 ]; }
until_true two_workers
first=$(children "$master")
for worker in $first; do
    grep -q "^Uid:[[:space:]]*33" "/proc/$worker/status" || fail "worker $worker is not www-data"
done
[ "$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$master/status")" = 1 ] || fail "the daemon is not init's"

configure two
kill -HUP "$master"
new_page() { [ "$(page)" = two ]; }
until_true new_page
new_workers() { two_workers && [ "$(children "$master")" != "$first" ]; }
until_true new_workers
second=$(children "$master")
for worker in $first; do
    case " $second" in *" $worker "*) fail "worker $worker outlived the reload: $second" ;; esac
done

kill -KILL "${second%% *}"
replaced() { two_workers && [ "$(children "$master")" != "$second" ]; }
until_true replaced
[ "$(page)" = two ] || fail "no page after a worker was killed"
grep -q "exited on signal 9" /tmp/error.log || fail "the master did not see a worker's end"

kill -QUIT "$master"
gone() { [ ! -d "/proc/$master" ]; }
until_true gone
if grep -E '\[(alert|emerg|crit)\]' /tmp/error.log | grep -v "exited on signal 9"; then fail "it complained"; fi
echo "nginx's processes work"
