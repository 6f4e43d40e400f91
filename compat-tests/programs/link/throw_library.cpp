// Throws and catches on behalf of others; an object with a thread-local destructor.
#include <cstdio>
#include <stdexcept>
#include <string>

struct Local {
    std::string name = "thread-local of the library";
    ~Local() { std::printf("end of %s\n", name.c_str()); }
};
thread_local Local local;

struct OnWay {
    const char *what;
    ~OnWay() { std::printf("unwound %s\n", what); }
};

extern "C" void fail(const char *what) {
    OnWay on_way{"library"};
    throw std::runtime_error(std::string(what) + " of the library");
}

extern "C" void fail_quietly(const char *what) { throw std::runtime_error(what); }

extern "C" int guarded(void (*callback)()) {
    try {
        OnWay on_way{"guard"};
        callback();
    } catch (const std::exception &error) {
        std::printf("library caught: %s\n", error.what());
        return 1;
    }
    return 0;
}

extern "C" void touch() { std::printf("%s\n", local.name.c_str()); }

// A unique symbol: one in the whole process.
template <class T> struct Holder {
    static inline int value = 0;
};
extern "C" int count() { return ++Holder<int>::value; }
