// What a thread finds when it begins.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { THREADS = 200 };

static pthread_t self;
static int other_selves, without_list;

static void *begin(void *unused) {
    // pthread_create says who it is before it runs.
    if (!pthread_equal(*(volatile pthread_t *)&self, pthread_self())) other_selves++;
    struct robust_list_head *head = 0;
    size_t size = 0;
    if (syscall(SYS_get_robust_list, 0, &head, &size) || !head || size != sizeof *head) without_list++;
    else if (head->list.next != &head->list || head->list_op_pending) without_list++;
    return 0;
}

int main(void) {
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&self, 0, begin, 0);
        pthread_join(self, 0);
        self = 0;
    }
    printf("%d of %d threads were not who was made, %d had no robust list\n", other_selves, THREADS, without_list);
    return 0;
}
