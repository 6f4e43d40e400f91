/* A thread and its result, thread-local storage, formatted output. */
#include <pthread.h>
#include <stdio.h>

static __thread int local = 2;

static void *run(void *argument)
{
    local += *(int *)argument;
    return (void *)(long)local;
}

int main(void)
{
    int forty = 40;
    void *result;
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, &forty) != 0 || pthread_join(thread, &result) != 0)
        return 1;
    printf("thread t=%ld\n", (long)result);
    return local == 2 ? 0 : 2;
}
