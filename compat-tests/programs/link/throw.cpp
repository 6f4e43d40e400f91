// C++ exceptions through libc's callbacks, threads and libraries that come and go; argv[1] is where plug-ins are.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <exception>
#include <pthread.h>
#include <search.h>
#include <stdexcept>
#include <string>
#include <thread>

static void *plugin(const char *folder, const char *name) {
    void *handle = dlopen((std::string(folder) + "/" + name).c_str(), RTLD_NOW);
    if (!handle) std::printf("%s\n", dlerror());
    return handle;
}

struct OnWay {
    ~OnWay() { std::puts("unwound"); }
};

static int compare(const void *, const void *) {
    OnWay on_way;
    throw 42;
}
static void once() { throw std::string("from pthread_once"); }
static void own() { throw std::logic_error("of the program"); }
static void visit(const void *, VISIT, int) { throw 7L; }
static void *thread(void *function) {
    try {
        ((void (*)(const char *))function)("thread's");
    } catch (const std::exception &error) {
        std::printf("thread caught: %s\n", error.what());
    }
    return nullptr;
}

int main(int, char **argv) {
    int numbers[] = {3, 1, 2, 5, 4};
    try {
        std::qsort(numbers, 5, sizeof(int), compare);
    } catch (int value) {
        std::printf("through qsort: %d\n", value);
    }
    try {
        (void)std::bsearch(numbers, numbers, 5, sizeof(int), compare);
    } catch (int value) {
        std::printf("through bsearch: %d\n", value);
    }
    pthread_once_t flag = PTHREAD_ONCE_INIT;
    try {
        pthread_once(&flag, once);
    } catch (const std::string &text) {
        std::printf("%s\n", text.c_str());
    }
    void *root = nullptr;
    tsearch(numbers, &root, [](const void *a, const void *b) { return *(const int *)a - *(const int *)b; });
    try {
        twalk(root, visit);
    } catch (long value) {
        std::printf("through twalk: %ld\n", value);
    }
    for (int round = 0; round < 3; round++) {
        void *handle = plugin(argv[1], "libthrow.so");
        if (!handle) return 1;
        auto fail = (void (*)(const char *))dlsym(handle, "fail");
        auto guarded = (int (*)(void (*)()))dlsym(handle, "guarded");
        try {
            fail("error");
        } catch (const std::runtime_error &error) {
            std::printf("caught: %s\n", error.what());
        }
        std::printf("guarded %d\n", guarded(own));
        pthread_t id;
        pthread_create(&id, nullptr, thread, (void *)fail);
        pthread_join(id, nullptr);
        dlclose(handle);
    }
    void *first = plugin(argv[1], "libthrow.so"), *second = plugin(argv[1], "libthrow_too.so");
    auto one = (int (*)())dlsym(first, "count"), two = (int (*)())dlsym(second, "count");
    one();
    std::printf("one value in two libraries: %d\n", two());
    std::thread([&] { ((void (*)())dlsym(first, "touch"))(); }).join();
    dlclose(second);
    dlclose(first);
    std::set_terminate([] {
        std::puts("terminate");
        std::fflush(stdout);
        std::_Exit(3);
    });
    std::thread(own).join();
}
