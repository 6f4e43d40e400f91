// Exceptions, lookups and new threads while libraries come and go; argv[1] is where plug-ins are.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::atomic<bool> stop;
static std::atomic<long> caught, looked;

static void thrower(int depth) {
    if (depth == 0) throw std::runtime_error("x");
    std::string on_way(100, 'x');
    thrower(depth - 1);
}

int main(int, char **argv) {
    std::string folder = argv[1];
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; i++)
        threads.emplace_back([] {
            while (!stop) {
                try {
                    thrower(3);
                } catch (const std::exception &) {
                    caught++;
                }
            }
        });
    threads.emplace_back([] {
        while (!stop) {
            Dl_info info;
            void *trace[8];
            if (!dladdr((void *)&std::abort, &info) || backtrace(trace, 8) < 2) std::abort();
            dl_iterate_phdr([](dl_phdr_info *info, size_t, void *) { return info->dlpi_phdr[0].p_type == 99 ? 1 : 0; }, nullptr);
            looked++;
        }
    });
    threads.emplace_back([&] {
        while (!stop) std::thread([] { looked++; }).join();
    });
    threads.emplace_back([&] {
        while (!stop) {
            void *handle = dlopen((folder + "/libthrow.so").c_str(), RTLD_NOW);
            auto fail = (void (*)(const char *))dlsym(handle, "fail_quietly");
            try {
                fail("y");
            } catch (const std::exception &) {
                caught++;
            }
            dlclose(handle);
        }
    });
    for (int i = 0; i < 300; i++) {
        for (const char *name : {"/libdynamic.so", "/libinitial.so", "/libdescriptor.so"}) {
            void *handle = dlopen((folder + name).c_str(), i & 1 ? RTLD_NOW : RTLD_LAZY | RTLD_GLOBAL);
            auto next = (long (*)())dlsym(handle, "next");
            long first = next ? next() : 0, second = next ? next() : 0;
            if (second != first + 1021) std::printf("round %d of %s\n", i, name);
            dlclose(handle);
        }
    }
    stop = true;
    for (auto &thread : threads) thread.join();
    std::printf("caught %d looked %d\n", caught > 100, looked > 100);
}
