"""Python's ways to make processes: subprocess, os.fork, os.system, os.popen, multiprocessing."""

import multiprocessing
import os
import signal
import subprocess


def square(x):
    return x * x


def put(queue):
    queue.put(os.getpid())


def subprocesses():
    assert subprocess.run(["/bin/echo", "hi"], capture_output=True, text=True).stdout == "hi\n"
    assert subprocess.check_output("echo a | cat; exit 0", shell=True) == b"a\n"
    # More than a pipe holds, both ways.
    child = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.communicate(b"x" * 300_000)[0] == b"x" * 300_000
    assert child.returncode == 0
    child = subprocess.Popen(["/bin/sleep", "100"])
    child.send_signal(signal.SIGTERM)
    assert child.wait() == -signal.SIGTERM
    try:
        subprocess.run(["/bin/sleep", "100"], timeout=0.1)
        assert False
    except subprocess.TimeoutExpired:
        pass
    try:
        subprocess.run(["/no/such/program"])
        assert False
    except FileNotFoundError:
        pass
    child = subprocess.run(["/bin/cat"], stdin=subprocess.DEVNULL, start_new_session=True, cwd="/tmp", close_fds=True)
    assert child.returncode == 0


def the_os():
    pid = os.fork()
    if pid == 0:
        os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    assert os.system("exit 4") == 4 << 8
    assert os.popen("echo popen").read() == "popen\n"


def several():
    context = multiprocessing.get_context("fork")
    with context.Pool(3) as pool:
        assert pool.map(square, range(20)) == [x * x for x in range(20)]
    queue = context.Queue()
    child = context.Process(target=put, args=(queue,))
    child.start()
    assert queue.get() == child.pid
    child.join()
    assert child.exitcode == 0
    lock, value = context.Lock(), context.Value("i", 0)

    def add():
        for _ in range(50):
            with lock:
                value.value += 1

    children = [context.Process(target=add) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert value.value == 150


if __name__ == "__main__":
    subprocesses()
    the_os()
    several()
    print("python's processes work")
