// What dl_iterate_phdr says, of what is loaded and what comes and goes; argv[1] is where plug-ins are.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

_Thread_local int own = 1;
struct seen {
    int count, true_headers, with_dynamic, plugin, program, unwind_of_libc, has_tls;
    unsigned long long adds, subs;
};

static int look(struct dl_phdr_info *info, size_t size, void *data) {
    struct seen *seen = data;
    int holds = 0, dynamic = 0, unwind = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];
        ElfW(Addr) start = info->dlpi_addr + phdr->p_vaddr, headers = (ElfW(Addr))info->dlpi_phdr;
        holds |= phdr->p_type == PT_LOAD && headers >= start && headers < start + phdr->p_memsz;
        dynamic |= phdr->p_type == PT_DYNAMIC;
        unwind |= phdr->p_type == PT_GNU_EH_FRAME;
    }
    seen->program |= seen->count == 0 && info->dlpi_name[0] == 0;
    seen->count++;
    seen->true_headers += holds && size >= sizeof *info;
    seen->with_dynamic += dynamic && unwind;
    seen->plugin |= strstr(info->dlpi_name, "libinitial.so") != 0;
    if (info->dlpi_name[0] == 0) seen->has_tls = info->dlpi_tls_modid == 1 && info->dlpi_tls_data != 0;
    seen->adds = info->dlpi_adds;
    seen->subs = info->dlpi_subs;
    return 0;
}
static int stop(struct dl_phdr_info *info, size_t size, void *data) {
    (void)info, (void)size;
    return ++*(int *)data == 2 ? 99 : 0;
}
static int find_code(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        ElfW(Addr) start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (ElfW(Addr))data - start < info->dlpi_phdr[i].p_memsz) return 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    (void)argc;
    struct seen before = {0}, open = {0}, after = {0};
    char path[4096];
    int calls = 0;
    own++;
    dl_iterate_phdr(look, &before);
    printf("program first %d, headers true %d, all unwind %d, tls %d\n", before.program, before.true_headers == before.count, before.with_dynamic == before.count, before.has_tls);
    snprintf(path, sizeof path, "%s/libinitial.so", argv[1]);
    void *handle = dlopen(path, RTLD_NOW);
    dl_iterate_phdr(look, &open);
    printf("plugin %d %d, more %d, adds %d subs %d\n", before.plugin, open.plugin, open.count - before.count, (int)(open.adds - before.adds), (int)(open.subs - before.subs));
    dlclose(handle);
    dl_iterate_phdr(look, &after);
    printf("plugin %d, more %d, adds %d subs %d\n", after.plugin, after.count - before.count, (int)(after.adds - before.adds), (int)(after.subs - before.subs));
    int result = dl_iterate_phdr(stop, &calls);
    printf("stopped %d after %d\n", result, calls);
    printf("libc is in it %d\n", dl_iterate_phdr(find_code, dlsym(RTLD_DEFAULT, "qsort")));
    struct dl_find_object found;
    memset(&found, 0, sizeof found);
    printf("found %d", _dl_find_object((void *)look, &found));
    printf(" %d %d", found.dlfo_map_start <= (void *)look && (void *)look < found.dlfo_map_end, found.dlfo_eh_frame != 0);
    printf(" %d\n", found.dlfo_link_map == dlopen(0, RTLD_NOW));
    printf("not found %d\n", _dl_find_object(&found, &found));
    return 0;
}
