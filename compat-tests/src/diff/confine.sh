# confine.sh PROGRAM GIVEN [ARGUMENT]...: runs PROGRAM where it can reach nothing of this machine. To be run as root in
# process, mount, host-name and IPC spaces of its own. GIVEN, unless empty, is a file that it finds at /run/given.
#
# The root is a new memory file system with the real system's libraries mounted read-only, and the real root goes away:
# no path and no descriptor but two pipes leads out. The program is not the first process of its space, which would get no signal that it does not
# handle. It keeps root's rights but those that concern the machine as a whole.
set -e
program=$1 given=$2
shift 2
# What the tests were started with is none of the program's.
renice 0 -p $$ >/dev/null
umask 022
mount -t tmpfs -o size=64m,mode=755 none /mnt
cp "$program" /mnt/program
mkdir /mnt/run
if [ -n "$given" ]; then cp "$given" /mnt/run/given; fi
cd /mnt
mkdir old dev proc tmp etc usr
chmod 1777 tmp
readonly_bind() {
    mount --bind "/$1" "$1"
    mount -o remount,bind,ro "$1"
}
readonly_bind usr
for name in bin sbin lib lib64; do
    if [ -L "/$name" ]; then
        cp -P "/$name" "$name"
    elif [ -d "/$name" ]; then
        mkdir "$name"
        readonly_bind "$name"
    fi
done
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/tty c 5 0
mknod -m 666 dev/ptmx c 5 2
mkdir dev/pts
mount -t devpts -o newinstance,mode=620,gid=5,ptmxmode=000 none dev/pts
echo root:x:0:0:root:/root:/bin/sh >etc/passwd
echo root:x:0: >etc/group
mount -t proc none proc
hostname osv
pivot_root . old
cd /
umount -l old
rmdir old
status=0
setpriv --bounding-set=-sys_boot,-sys_module,-sys_rawio,-sys_time,-syslog /program "$@" </dev/null || status=$?
exit "$status"
