# redis in its default configuration: a child saves what was there when it began, while its parent goes on writing. Each
# generation is written to all keys at once, so a saved file holds one generation only.
set -eu
fail() { echo "FAILED: $*"; cat /tmp/log; exit 1; }
cli() { redis-cli --no-auth-warning "$@"; }
until_true() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || fail "not within 30 s: $*"
        sleep 0.1
    done
}
# All keys of generation $1, in one step.
generation() { cli eval 'for i = 1, 4000 do redis.call("set", "key:" .. i, ARGV[1] .. string.rep("x", 100)) end return 1' 0 "$1:" >/dev/null; }
# The generations that are there, and how many keys.
generations() { cli eval 'local seen, n = {}, 0 for i = 1, 4000 do local v = redis.call("get", "key:" .. i) if v then n = n + 1 seen[string.match(v, "^%d+")] = 1 end end local all = {} for g in pairs(seen) do all[#all + 1] = g end return table.concat(all, ",") .. " " .. n' 0; }
start() { redis-server >/tmp/log 2>&1 & server=$!; up() { [ "$(cli ping 2>/dev/null)" = PONG ]; }; until_true up; }
saved() { case "$(cli info persistence)" in *rdb_bgsave_in_progress:1*) return 1 ;; *) return 0 ;; esac; }

mkdir -p /tmp/redis
cd /tmp/redis
start
generation 1
for round in 1 2 3; do
    cli bgsave >/dev/null
    first=$((round * 10))
    for next in 1 2 3; do generation $((first + next)); done
    until_true saved
    case "$(cli info persistence)" in *rdb_last_bgsave_status:ok*) ;; *) fail "a child could not save" ;; esac
done
# Without a chance to save once more.
kill -KILL $server
wait $server || true
start
found=$(generations)
[ "$found" = "23 4000" ] || fail "the last file holds $found"

cli config set appendonly yes >/dev/null
rewritten() { case "$(cli info persistence)" in *aof_rewrite_in_progress:1* | *aof_rewrite_scheduled:1*) return 1 ;; *aof_last_bgrewrite_status:ok*) return 0 ;; esac; return 1; }
until_true rewritten
generation 40
cli bgrewriteaof >/dev/null
generation 41
until_true rewritten
kill -TERM $server
wait $server || fail "redis ended with $?"
grep -q "DB saved on disk" /tmp/log || fail "nothing was saved at the end"
start
[ "$(generations)" = "41 4000" ] || fail "at the end: $(generations)"
cli shutdown nosave
wait $server || fail "redis ended with $?"
echo "redis' processes work"
