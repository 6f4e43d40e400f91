/* A QEMU plugin: counts the instructions that guests execute, from reset to the end, and writes the number to the
 * file given by `out=FILE`. The few declarations are those of QEMU's documented plugin interface, whose header
 * distributions do not package; INTERFACE is the version that the QEMU at hand speaks. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t plugin_id;
struct info;
struct block;
size_t qemu_plugin_tb_n_insns(const struct block *);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct block *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct block *, void (*)(unsigned, void *), int, void *);

__attribute__((visibility("default"))) int qemu_plugin_version = INTERFACE;

static uint64_t instructions;
static char file[4096];

static void executed(unsigned cpu, void *count)
{
    (void)cpu;
    instructions += (uintptr_t)count;
}

static void translated(plugin_id id, struct block *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(block, executed, 0, (void *)(uintptr_t)qemu_plugin_tb_n_insns(block));
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const struct info *info, int argc, char **argv)
{
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) != 0 || strlen(argv[0]) >= sizeof file) return -1;
    strcpy(file, argv[0] + 4);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}

/* QEMU's own hook does not run when a device calls exit(). */
__attribute__((destructor)) static void finish(void)
{
    FILE *out = file[0] ? fopen(file, "w") : NULL;
    if (out) {
        fprintf(out, "%" PRIu64 "\n", instructions);
        fclose(out);
    }
}
