// dlopen and what belongs to it; argv[1] is where plug-ins are.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[4096];
static const char *folder;

static const char *in(const char *name) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

// The message without the folder, which differs from place to place.
static const char *error(void) {
    char *text = dlerror();
    if (!text) return "none";
    return strncmp(text, folder, strlen(folder)) ? text : text + strlen(folder) + 1;
}

static int mapped(const char *name) {
    char line[4096];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) count += strstr(line, name) != 0;
    if (maps) fclose(maps);
    return count != 0;
}

static void *quiet(void *unused) {
    (void)unused;
    return dlerror();
}

int exported(void) { return 77; }

int main(int argc, char **argv) {
    (void)argc;
    folder = argv[1];
    void *plugin = dlopen(in("libplugin.so"), RTLD_NOW), *other, *result;
    pthread_t thread;
    int said;
    printf("open %d %s\n", plugin != 0, error());
    int (*answer)(void) = (int (*)(void))dlsym(plugin, "answer");
    int (*old)(void) = (int (*)(void))dlvsym(plugin, "answer", "V1");
    int (*new)(void) = (int (*)(void))dlvsym(plugin, "answer", "V2");
    printf("versions %d %d %d\n", answer(), old(), new());
    said = dlvsym(plugin, "answer", "V3") != 0;
    printf("no version %d %s\n", said, error());
    printf("libc's version %d %d\n", dlvsym(RTLD_DEFAULT, "memcpy", "GLIBC_2.14") != 0, dlvsym(RTLD_DEFAULT, "memcpy", "GLIBC_1.0") != 0);
    said = dlerror() != 0;
    printf("told once %d %d\n", said, dlerror() == 0);
    said = dlsym(plugin, "nothing") != 0;
    printf("no symbol %d %s\n", said, error());
    dlsym(plugin, "nothing");
    pthread_create(&thread, 0, quiet, 0);
    pthread_join(thread, &result);
    printf("another thread's error %d own %d\n", result != 0, dlerror() != 0);
    dlsym(plugin, "nothing");
    dlsym(plugin, "answer");
    printf("forgotten by what went well %d\n", dlerror() == 0);
    printf("local %d\n", dlsym(RTLD_DEFAULT, "answer") != 0);
    printf("no load %d %d\n", dlopen(in("libplugin.so"), RTLD_NOW | RTLD_NOLOAD) == plugin, dlopen(in("libother.so"), RTLD_NOW | RTLD_NOLOAD) != 0);
    dlclose(plugin);
    other = dlopen(in("libplugin.so"), RTLD_NOW | RTLD_GLOBAL);
    printf("global %d %d\n", other == plugin, dlsym(RTLD_DEFAULT, "answer") != 0);
    dlclose(other);
    printf("still there %d\n", mapped("libplugin.so"));
    dlclose(plugin);
    printf("held by RTLD_DEFAULT %d\n", mapped("libplugin.so"));
    dlclose(dlopen(in("libother.so"), RTLD_NOW | RTLD_GLOBAL));
    printf("gone %d %d\n", mapped("libother.so"), dlsym(RTLD_DEFAULT, "other_value") != 0);
    said = dlopen("libnowhere.so.9", RTLD_NOW) != 0;
    printf("not found %d %s\n", said, error());
    said = dlopen(in("libplugin.so"), 0) != 0;
    printf("no mode %d %s\n", said, error());
    said = dlopen(in("text.so"), RTLD_NOW) != 0;
    printf("not an object %d %s\n", said, error());
    dlopen(in("libneedy.so"), RTLD_NOW);
    printf("need not found %s\n", strstr(error(), "libnowhere.so: cannot open shared object file") ? "said" : "?");
    printf("nothing left of it %d\n", mapped("libneedy.so"));
    said = dlopen(in("libundefined.so"), RTLD_NOW) != 0;
    printf("undefined %d %s\n", said, error());
    printf("nothing left of it %d\n", mapped("libundefined.so"));
    other = dlopen(in("libplugin.so"), RTLD_NOW | RTLD_NODELETE);
    dlclose(other);
    printf("kept %d\n", mapped("libplugin.so"));
    void *self = dlopen(0, RTLD_NOW);
    printf("self %d %d\n", dlsym(self, "exported") == (void *)exported, dlsym(self, "printf") != 0);

    Dl_info info;
    struct link_map *map = 0;
    const ElfW(Sym) *symbol = 0;
    printf("dladdr %d %s %d\n", dladdr((char *)exported + 1, &info), info.dli_sname, info.dli_saddr == (void *)exported);
    printf("file %d base %d\n", !strcmp(info.dli_fname, argv[0]), !memcmp(info.dli_fbase, ELFMAG, SELFMAG));
    printf("in libc %d %s\n", dladdr(dlsym(RTLD_DEFAULT, "strlen"), &info) != 0, info.dli_sname);
    printf("nowhere %d\n", dladdr(&info, &info));
    printf("dladdr1 %d %d\n", dladdr1((void *)exported, &info, (void **)&symbol, RTLD_DL_SYMENT) != 0, symbol && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC);
    dladdr1((void *)exported, &info, (void **)&map, RTLD_DL_LINKMAP);
    printf("map %d\n", map == self);
    other = dlopen(in("libplugin.so"), RTLD_NOW);
    char origin[4096];
    Lmid_t space = 99;
    printf("dlinfo %d %s", dlinfo(other, RTLD_DI_ORIGIN, origin), !strcmp(origin, folder) ? "origin" : origin);
    printf(" %d %d", dlinfo(other, RTLD_DI_LINKMAP, &map), map == other);
    printf(" %d %ld\n", dlinfo(other, RTLD_DI_LMID, &space), (long)space);
    printf("name %s\n", strrchr(map->l_name, '/'));
    int listed = 0;
    for (struct link_map *at = _r_debug.r_map; at; at = at->l_next) listed |= at == map && at->l_ld[0].d_tag != 0;
    printf("listed %d\n", listed);

    void *deep = dlopen(in("libdeep.so"), RTLD_NOW | RTLD_DEEPBIND);
    int (*which)(void) = (int (*)(void))dlsym(deep, "which");
    printf("deep %d\n", which ? which() : -1);
    dlclose(deep);
    void *flat = dlopen(in("libdeep.so"), RTLD_NOW);
    which = (int (*)(void))dlsym(flat, "which");
    printf("flat %d\n", which ? which() : -1);

    void *asks = dlopen(in("sub/libasks.so"), RTLD_NOW);
    int (*ask)(void) = asks ? (int (*)(void))dlsym(asks, "ask") : 0;
    printf("by the caller's runpath %d\n", ask ? ask() : -1);
    printf("not by ours %d\n", dlopen("libhidden.so", RTLD_NOW) != 0);

    void *holder = dlopen(in("libprovider.so"), RTLD_NOW | RTLD_GLOBAL);
    void *user = dlopen(in("libuser.so"), RTLD_NOW);
    int (*use)(void) = (int (*)(void))dlsym(user, "use_provided");
    dlclose(holder);
    printf("bound to what was closed: %d\n", use());
    dlclose(user);
    printf("both gone %d\n", mapped("libprovider.so") || mapped("libuser.so"));
    printf("closed twice %d\n", dlclose(holder) != 0 && dlerror() != 0);
    for (int i = 0; i < 5000; i++) {
        void *again = dlopen(in("libother.so"), RTLD_NOW);
        if (!again || dlclose(again)) {
            printf("round %d: %s\n", i, error());
            break;
        }
    }
    printf("many rounds %d\n", mapped("libother.so"));
    return 0;
}
