// System V shared memory.
#include "show.h"
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static void state(int id) {
    struct shmid_ds ds;
    if (shmctl(id, IPC_STAT, &ds) != 0) {
        printf("state: %s\n", error_name(errno));
        return;
    }
    printf("size %zu attached %lu mode %o uid %u mine %d\n", ds.shm_segsz, (unsigned long)ds.shm_nattch,
           ds.shm_perm.mode, ds.shm_perm.uid, ds.shm_cpid == getpid());
}

int main(void) {
    key_t key = 0x5afe0000 + getpid();
    WORKS(shmget(key, 4096, 0600));
    int id = shmget(key, 10000, IPC_CREAT | 0600);
    printf("id %d\n", id >= 0);
    WORKS(shmget(key, 10000, IPC_CREAT | IPC_EXCL | 0600));
    WORKS(shmget(key, 20000, 0600));
    printf("same %d\n", shmget(key, 1, 0) == id);
    WORKS(shmget(IPC_PRIVATE, 0, 0600));
    WORKS(shmget(key + 1, -1UL, IPC_CREAT | 0600));
    state(id);
    char *p = shmat(id, 0, 0);
    WORKS(p != (void *)-1);
    state(id);
    strcpy(p + 9000, "hello");
    char *q = shmat(id, 0, SHM_RDONLY);
    printf("%s\n", q + 9000);
    state(id);
    WORKS(mprotect(q, 4096, PROT_READ | PROT_WRITE));
    WORKS(shmat(id, p + 1, 0));
    WORKS(shmat(id, p, 0));
    WORKS(shmat(9999999, 0, 0));
    WORKS(shmat(-1, 0, 0));
    WORKS(shmat(id, 0, SHM_REMAP));
    WORKS(shmat(id, (void *)0x8000000000000000, 0));
    char *hole = mmap(0, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    WORKS(shmat(id, hole, 0));
    WORKS(shmat(id, hole + 4096 + 77, SHM_RND | SHM_REMAP) == hole + 4096);
    printf("%s\n", hole + 4096 + 9000);
    WORKS(shmdt(hole));
    WORKS(shmdt(hole + 4096));
    fflush(stdout);
    pid_t c = fork();
    if (c == 0) {
        state(id);
        strcpy(p, "child");
        fflush(stdout);
        _exit(0);
    }
    waitpid(c, 0, 0);
    printf("%s\n", p);
    state(id);
    WORKS(shmdt(q));
    WORKS(shmdt(q));
    WORKS(shmdt(p + 4096));
    state(id);
    struct shmid_ds d;
    shmctl(id, IPC_STAT, &d);
    d.shm_perm.mode = 0640;
    WORKS(shmctl(id, IPC_SET, &d));
    state(id);
    WORKS(shmctl(id, IPC_STAT, (void *)8));
    WORKS(shmctl(id, 77, &d));
    WORKS(shmctl(-1, IPC_STAT, &d));
    WORKS(shmctl(id, SHM_LOCK, 0));
    WORKS(shmctl(id, IPC_RMID, 0));
    state(id);
    WORKS(shmget(key, 1, 0));
    char *again = shmat(id, 0, 0);
    WORKS(again != (void *)-1);
    printf("%s\n", again);
    WORKS(shmdt(again));
    WORKS(shmdt(p));
    state(id);
    WORKS(shmctl(id, IPC_RMID, 0));
    munmap(hole, 65536);
    return 0;
}
