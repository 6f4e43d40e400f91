"""Python's ways to make processes: subprocess, os.fork, os.system, os.popen, multiprocessing, executors."""

import concurrent.futures
import multiprocessing
import multiprocessing.shared_memory
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


def answer(connection):
    connection.send([connection.recv() * 2, multiprocessing.parent_process().pid])


def fill(name, first):
    memory = multiprocessing.shared_memory.SharedMemory(name)
    for i in range(first, 8192, 2):
        memory.buf[i] = i % 251
    memory.close()


def meet(barrier, counter):
    barrier.wait(60)
    with counter.get_lock():
        counter.value += 1


def shared(context):
    """What several processes have in common: pipes, memory, barriers, a pool with its queues and an exception."""
    here, there = context.Pipe()
    child = context.Process(target=answer, args=(there,))
    child.start()
    here.send(21)
    assert here.recv() == [42, os.getpid()]
    child.join()
    memory = multiprocessing.shared_memory.SharedMemory(create=True, size=8192)
    children = [context.Process(target=fill, args=(memory.name, first)) for first in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert all(memory.buf[i] == i % 251 for i in range(8192))
    memory.close()
    memory.unlink()
    barrier, counter = context.Barrier(3), context.Value("i", 0)
    children = [context.Process(target=meet, args=(barrier, counter)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert counter.value == 3
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        assert list(executor.map(square, range(10))) == [x * x for x in range(10)]
        failure = executor.submit(square, "x").exception()
        assert isinstance(failure, TypeError), failure
    child = context.Process(target=os.abort)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGABRT


def manager():
    with multiprocessing.Manager() as manager:
        names = manager.dict()
        children = [multiprocessing.Process(target=names.__setitem__, args=(i, os.getpid())) for i in range(3)]
        for child in children:
            child.start()
        for child in children:
            child.join()
        assert dict(names) == {i: os.getpid() for i in range(3)}


if __name__ == "__main__":
    subprocesses()
    the_os()
    several()
    shared(multiprocessing.get_context("fork"))
    shared(multiprocessing.get_context("spawn"))
    shared(multiprocessing.get_context("forkserver"))
    manager()
    print("python's processes work")
