/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/cgroup.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PARENT "berth-"
#define PARENT_TAG_CHARS 8
#define IO_COST_FILE "/sys/fs/cgroup/io.cost.qos"
#define OWN_GROUPS "/proc/self/cgroup"
/* Beside the guest's memory: QEMU itself, and pictures queued for a display listener that stalls.
 */
#define QEMU_OVERHEAD_MIB 1024
#define MIB 1048576LL
#define MEGABYTE 1000000LL
#define PERIOD_US 100000LL
#define US_PER_PCT (PERIOD_US / 100)
/* Version 1 counts shares around 1024 where version 2 weighs around 100. */
#define SHARES_PER_WEIGHT_NUM 1024
#define SHARES_PER_WEIGHT_DEN 100
#define NEUTRAL_WEIGHT 100

typedef enum {
    CONTROLLER_CPU,
    CONTROLLER_MEMORY,
    CONTROLLER_IO,
    N_CONTROLLERS,
    FENCE = N_CONTROLLERS, /* no controller: version 2 beside version 1 */
    N_GROUPS,
} Controller;

struct BerthCgroups {
    BerthCgroupKind kind;
    char *parents[N_GROUPS]; /* folder above the VMs' groups; NULL: no such controller */
    char *root;              /* of all hierarchies */
    char *parent_name;       /* the last name of each parent */
    int n_above;             /* names between the root of version 2 and the parent's end */
    char *device;            /* "major:minor" of the disk; NULL: it is none */
};

/* One wanted limit on its way to the kernel. */
typedef struct {
    BerthCgroups *owner;
    const char *name;
    GString *problems;
} Work;

const char *
berth_cgroup_kind_name(BerthCgroupKind kind)
{
    static const char *const names[] = {
        [BERTH_CGROUP_NONE] = "none",
        [BERTH_CGROUP_V1] = "v1",
        [BERTH_CGROUP_V2] = "v2",
    };
    return names[kind];
}

static bool
write_text(const char *folder, const char *file, const char *text)
{
    g_autofree char *path = g_build_filename(folder, file, NULL);
    berth_autofd int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool
make_group(const char *path)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST;
}

/* ---- what there is ---- */

/* The whole disk below a folder's file system: limits are for disks, not for partitions. */
static char *
find_device(const char *folder)
{
    struct stat info;
    if (stat(folder, &info) != 0 || major(info.st_dev) == 0) {
        return NULL;
    }
    g_autofree char *sys =
        g_strdup_printf("/sys/dev/block/%u:%u", major(info.st_dev), minor(info.st_dev));
    g_autofree char *partition = g_build_filename(sys, "partition", NULL);
    g_autofree char *file =
        g_build_filename(sys, access(partition, F_OK) == 0 ? "../dev" : "dev", NULL);
    char *text = NULL;
    if (!g_file_get_contents(file, &text, NULL, NULL)) {
        return NULL;
    }
    return g_strchomp(text);
}

/* Removes groups of machines that are gone; those with processes in them refuse. */
static void
sweep(const char *parent)
{
    GDir *dir = g_dir_open(parent, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(parent, name, NULL);
        if (strlen(name) == 32 && g_file_test(path, G_FILE_TEST_IS_DIR)) {
            rmdir(path);
        }
    }
    g_clear_pointer(&dir, g_dir_close);
}

static bool
has_word(const char *folder, const char *file, const char *word)
{
    g_autofree char *path = g_build_filename(folder, file, NULL);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return false;
    }
    g_auto(GStrv) words = g_strsplit_set(g_strchomp(text), " ", -1);
    return g_strv_contains((const char *const *)words, word);
}

/* Agents of one machine sweep only what is theirs: a group is empty before its QEMU is in it. */
static char *
dup_parent_name(const char *state_dir)
{
    g_autofree char *path = g_canonicalize_filename(state_dir, NULL);
    g_autofree char *tag = g_compute_checksum_for_string(G_CHECKSUM_SHA256, path, -1);
    return g_strdup_printf("%s%.*s", PARENT, PARENT_TAG_CHARS, tag);
}

/* Below base: the parent of all VMs with the controllers turned on; NULL if that is not allowed. */
static char *
make_v2_parent(const BerthCgroups *self, const char *base)
{
    static const char *const names[] = { "+cpu", "+memory", "+io", "+pids" };
    g_autofree char *parent = g_build_filename(base, self->parent_name, NULL);
    if (!make_group(parent)) {
        return NULL;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        write_text(base, "cgroup.subtree_control", names[i]);
        write_text(parent, "cgroup.subtree_control", names[i]);
    }
    return has_word(parent, "cgroup.subtree_control", "memory") ? g_steal_pointer(&parent) : NULL;
}

/* The agent's own group, for g_free(): where a service manager delegated it. */
static char *
dup_own_group(const char *root)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(OWN_GROUPS, &text, NULL, NULL)) {
        return NULL;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (int i = 0; lines[i] != NULL; i++) {
        if (g_str_has_prefix(lines[i], "0::/") && strstr(lines[i], "..") == NULL) {
            return g_build_filename(root, lines[i] + 3, NULL);
        }
    }
    return NULL;
}

/* A group with controllers for others must have no process itself: the agent goes into one, too. */
static char *
make_delegated_parent(const BerthCgroups *self, const char *root)
{
    g_autofree char *own = dup_own_group(root);
    if (own == NULL || g_str_has_suffix(own, "/agent")) {
        g_autofree char *above = own != NULL ? g_path_get_dirname(own) : NULL;
        return above != NULL ? make_v2_parent(self, above) : NULL;
    }
    g_autofree char *agent = g_build_filename(own, "agent", NULL);
    if (!make_group(agent) || !write_text(agent, "cgroup.procs", "0")) {
        return NULL;
    }
    return make_v2_parent(self, own);
}

static bool
find_v2(BerthCgroups *self, const char *root)
{
    static const char *const names[N_CONTROLLERS] = { "cpu", "memory", "io" };
    if (!has_word(root, "cgroup.controllers", "memory")) {
        return false;
    }
    g_autofree char *parent = make_v2_parent(self, root);
    if (parent == NULL) {
        parent = make_delegated_parent(self, root);
    }
    for (int i = 0; parent != NULL && i < N_CONTROLLERS; i++) {
        if (has_word(parent, "cgroup.subtree_control", names[i])) {
            self->parents[i] = g_strdup(parent);
        }
    }
    return parent != NULL;
}

static bool
find_v1(BerthCgroups *self, const char *root)
{
    static const char *const names[N_CONTROLLERS] = { "cpu", "memory", "blkio" };
    bool is_found = false;
    for (int i = 0; i < N_CONTROLLERS; i++) {
        g_autofree char *mount = g_build_filename(root, names[i], NULL);
        g_autofree char *tasks = g_build_filename(mount, "tasks", NULL);
        g_autofree char *parent = g_build_filename(mount, self->parent_name, NULL);
        if (access(tasks, F_OK) == 0 && make_group(parent)) {
            self->parents[i] = g_steal_pointer(&parent);
            is_found = true;
        }
    }
    return is_found;
}

static int
count_names(const char *path)
{
    int n = 0;
    for (const char *p = path; *p != '\0'; p++) {
        n += *p != '/' && (p == path || p[-1] == '/') ? 1 : 0;
    }
    return n;
}

/* The hierarchy of version 2 without controllers, where it is mounted beside version 1. */
static void
find_fence(BerthCgroups *self)
{
    if (self->kind == BERTH_CGROUP_V2) {
        self->n_above = count_names(self->parents[CONTROLLER_MEMORY] + strlen(self->root));
        return;
    }
    g_autofree char *mount = g_build_filename(self->root, "unified", NULL);
    g_autofree char *mark = g_build_filename(mount, "cgroup.controllers", NULL);
    g_autofree char *parent = g_build_filename(mount, self->parent_name, NULL);
    if (access(mark, F_OK) == 0 && make_group(parent)) {
        self->parents[FENCE] = g_steal_pointer(&parent);
        self->n_above = 1;
    }
}

BerthCgroups *
berth_cgroups_new(const char *root, const char *state_dir)
{
    BerthCgroups *self = g_new0(BerthCgroups, 1);
    self->root = g_strdup(root);
    self->parent_name = dup_parent_name(state_dir);
    if (find_v2(self, root)) {
        self->kind = BERTH_CGROUP_V2;
    } else if (find_v1(self, root)) {
        self->kind = BERTH_CGROUP_V1;
    }
    find_fence(self);
    for (int i = 0; i < N_GROUPS; i++) {
        if (self->parents[i] != NULL) {
            sweep(self->parents[i]);
        }
    }
    self->device = find_device(state_dir);
    berth_log_info("vm", "control groups: %s; disk for limits: %s",
                   berth_cgroup_kind_name(self->kind),
                   self->device != NULL ? self->device : "none");
    return self;
}

void
berth_cgroups_free(BerthCgroups *self)
{
    if (self == NULL) {
        return;
    }
    for (int i = 0; i < N_GROUPS; i++) {
        if (self->parents[i] != NULL) {
            rmdir(self->parents[i]); /* stays while machines run */
        }
        g_free(self->parents[i]);
    }
    g_free(self->parent_name);
    g_free(self->root);
    g_free(self->device);
    g_free(self);
}

BerthCgroupKind
berth_cgroups_get_kind(const BerthCgroups *self)
{
    return self->kind;
}

/* ---- limits ---- */

static void
note_problem(Work *work, const char *limit)
{
    g_string_append_printf(work->problems, "%s%s", work->problems->len > 0 ? ", " : "", limit);
}

/* Writes a limit; one that is wanted and not taken is a problem. */
static void
set_limit(Work *work, Controller controller, const char *file, const char *value,
          const char *wanted)
{
    const char *parent = work->owner->parents[controller];
    g_autofree char *folder = parent != NULL ? g_build_filename(parent, work->name, NULL) : NULL;
    bool is_set = folder != NULL && make_group(folder) && write_text(folder, file, value);
    if (!is_set && wanted != NULL) {
        note_problem(work, wanted);
    }
}

static void
set_number(Work *work, Controller controller, const char *file, int64_t number, const char *wanted)
{
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, number);
    set_limit(work, controller, file, text, wanted);
}

/* weight: 0 is neutral */
static void
apply_cpu_weight(Work *work, int weight)
{
    int64_t set = weight != 0 ? weight : NEUTRAL_WEIGHT;
    const char *wanted = weight != 0 ? "cpu_weight" : NULL;
    if (work->owner->kind == BERTH_CGROUP_V2) {
        set_number(work, CONTROLLER_CPU, "cpu.weight", set, wanted);
        return;
    }
    set_number(work, CONTROLLER_CPU, "cpu.shares",
               MAX(2, set * SHARES_PER_WEIGHT_NUM / SHARES_PER_WEIGHT_DEN), wanted);
}

static void
apply_cpu(Work *work, const BerthVmResources *resources)
{
    int64_t quota_us = resources->cpu_quota_pct * US_PER_PCT;
    const char *quota_name = quota_us != 0 ? "cpu_quota_pct" : NULL;
    apply_cpu_weight(work, resources->cpu_weight);
    if (work->owner->kind == BERTH_CGROUP_V2) {
        g_autofree char *quota =
            quota_us != 0 ? g_strdup_printf("%" G_GINT64_FORMAT " %lld", quota_us, PERIOD_US)
                          : g_strdup("max");
        set_limit(work, CONTROLLER_CPU, "cpu.max", quota, quota_name);
        return;
    }
    set_number(work, CONTROLLER_CPU, "cpu.cfs_period_us", PERIOD_US, NULL);
    set_number(work, CONTROLLER_CPU, "cpu.cfs_quota_us", quota_us != 0 ? quota_us : -1, quota_name);
}

static void
apply_memory(Work *work, const BerthVmResources *resources, int guest_memory_mib)
{
    bool is_wanted = resources->memory_max_mib != 0;
    int64_t mib = is_wanted ? resources->memory_max_mib : guest_memory_mib + QEMU_OVERHEAD_MIB;
    set_number(work, CONTROLLER_MEMORY,
               work->owner->kind == BERTH_CGROUP_V2 ? "memory.max" : "memory.limit_in_bytes",
               mib * MIB, is_wanted ? "memory_max_mib" : NULL);
}

typedef struct {
    const char *name;   /* of the limit */
    const char *v2_key; /* in io.max */
    const char *v1_file;
    int64_t value; /* 0: none */
} IoLimit;

static void
apply_io_limit(Work *work, const IoLimit *limit)
{
    const char *device = work->owner->device;
    const char *wanted = limit->value != 0 ? limit->name : NULL;
    if (device == NULL) {
        if (wanted != NULL) {
            note_problem(work, wanted);
        }
        return;
    }
    if (work->owner->kind == BERTH_CGROUP_V2) {
        g_autofree char *text =
            limit->value != 0
                ? g_strdup_printf("%s %s=%" G_GINT64_FORMAT, device, limit->v2_key, limit->value)
                : g_strdup_printf("%s %s=max", device, limit->v2_key);
        set_limit(work, CONTROLLER_IO, "io.max", text, wanted);
        return;
    }
    g_autofree char *text = g_strdup_printf("%s %" G_GINT64_FORMAT, device, limit->value);
    set_limit(work, CONTROLLER_IO, limit->v1_file, text, wanted);
}

/* A weight is taken by the kernel anyway; it means something only where the disk is shared by it.
 */
static bool
is_disk_weighed(const BerthCgroups *self)
{
    g_autofree char *text = NULL;
    g_autofree char *path = g_strdup_printf("/sys/dev/block/%s/queue/scheduler",
                                            self->device != NULL ? self->device : "none");
    g_autofree char *costs = NULL;
    bool has_bfq = g_file_get_contents(path, &text, NULL, NULL) && strstr(text, "[bfq]") != NULL;
    return has_bfq || (self->kind == BERTH_CGROUP_V2 &&
                       g_file_get_contents(IO_COST_FILE, &costs, NULL, NULL) &&
                       strstr(costs, "enable=1") != NULL);
}

static void
apply_io_weight(Work *work, const BerthVmResources *resources)
{
    if (resources->io_weight == 0) {
        return;
    }
    if (!is_disk_weighed(work->owner)) {
        note_problem(work, "io_weight");
        return;
    }
    g_autofree char *text = g_strdup_printf("default %d", resources->io_weight);
    if (work->owner->kind == BERTH_CGROUP_V2) {
        set_limit(work, CONTROLLER_IO, "io.weight", text, "io_weight");
    } else {
        set_number(work, CONTROLLER_IO, "blkio.bfq.weight", MIN(resources->io_weight, 1000),
                   "io_weight");
    }
}

static void
apply_io(Work *work, const BerthVmResources *resources)
{
    const IoLimit limits[] = {
        { "io_read_mbps", "rbps", "blkio.throttle.read_bps_device",
          resources->io_read_mbps * MEGABYTE },
        { "io_write_mbps", "wbps", "blkio.throttle.write_bps_device",
          resources->io_write_mbps * MEGABYTE },
        { "io_read_iops", "riops", "blkio.throttle.read_iops_device", resources->io_read_iops },
        { "io_write_iops", "wiops", "blkio.throttle.write_iops_device", resources->io_write_iops },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        apply_io_limit(work, &limits[i]);
    }
    apply_io_weight(work, resources);
}

char *
berth_cgroups_apply(BerthCgroups *self, const char *name, const BerthVmResources *resources,
                    int guest_memory_mib)
{
    Work work = { .owner = self, .name = name, .problems = g_string_new(NULL) };
    apply_cpu(&work, resources);
    apply_memory(&work, resources, guest_memory_mib);
    apply_io(&work, resources);
    return g_string_free(work.problems, work.problems->len == 0);
}

void
berth_cgroups_yield(BerthCgroups *self, const char *name, const BerthVmResources *resources,
                    bool yields)
{
    Work work = { .owner = self, .name = name, .problems = g_string_new(NULL) };
    apply_cpu_weight(&work, yields ? 1 : resources->cpu_weight);
    g_string_free(work.problems, TRUE);
}

/* ---- members ---- */

/* Version 2 has one group for all controllers. */
static int
count_groups(const BerthCgroups *self)
{
    return self->kind == BERTH_CGROUP_V2 ? 1 : N_GROUPS;
}

static char *
dup_group(const BerthCgroups *self, int i, const char *name)
{
    const char *parent = self->parents[i];
    if (self->kind == BERTH_CGROUP_V2 && parent == NULL) {
        parent = self->parents[CONTROLLER_MEMORY];
    }
    return parent != NULL ? g_build_filename(parent, name, NULL) : NULL;
}

bool
berth_cgroups_has_fence(const BerthCgroups *self)
{
    return self->kind == BERTH_CGROUP_V2 || self->parents[FENCE] != NULL;
}

char *
berth_cgroups_dup_fence(BerthCgroups *self, const char *name, int *ret_level)
{
    int i = self->kind == BERTH_CGROUP_V2 ? CONTROLLER_MEMORY : FENCE;
    g_autofree char *folder =
        self->parents[i] != NULL ? g_build_filename(self->parents[i], name, NULL) : NULL;
    if (folder == NULL || !make_group(folder)) {
        return NULL;
    }
    *ret_level = self->n_above + 1;
    return g_strdup(folder + strlen(self->root) + 1);
}

int
berth_cgroups_open(BerthCgroups *self, const char *name, int ret_fds[BERTH_CGROUP_MAX_FDS])
{
    int n = 0;
    for (int i = 0; i < count_groups(self); i++) {
        g_autofree char *folder = dup_group(self, i, name);
        g_autofree char *path =
            folder != NULL ? g_build_filename(folder, "cgroup.procs", NULL) : NULL;
        int fd = path != NULL && make_group(folder) ? open(path, O_WRONLY | O_CLOEXEC) : -1;
        if (fd >= 0) {
            ret_fds[n++] = fd;
        }
    }
    return n;
}

void
berth_cgroups_close(int *fds, int n_fds)
{
    for (int i = 0; i < n_fds; i++) {
        berth_clear_fd(&fds[i]);
    }
}

static void
kill_members(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "cgroup.procs", NULL);
    g_autofree char *text = NULL;
    if (write_text(folder, "cgroup.kill", "1") || !g_file_get_contents(path, &text, NULL, NULL)) {
        return;
    }
    g_auto(GStrv) pids = g_strsplit(text, "\n", -1);
    for (int i = 0; pids[i] != NULL; i++) {
        pid_t pid = (pid_t)strtol(pids[i], NULL, 10);
        if (pid > 1) {
            kill(pid, SIGKILL);
        }
    }
}

void
berth_cgroups_remove(BerthCgroups *self, const char *name)
{
    for (int i = 0; i < count_groups(self); i++) {
        g_autofree char *folder = dup_group(self, i, name);
        if (folder == NULL || access(folder, F_OK) != 0) {
            continue;
        }
        kill_members(folder);
        if (rmdir(folder) != 0) {
            berth_log_debug("vm", "cgroup %s stays for now: %s", folder, g_strerror(errno));
        }
    }
}
