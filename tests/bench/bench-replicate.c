/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A version comes to a second host, beside cp of the same file in the same run.
 *
 * A process of its own serves the file over mutual TLS on loopback; this one fetches, which ends
 * with every chunk verified.  Both share the processors of this machine, so the sum of both ends is
 * what is compared with cp, which hashes and encrypts nothing.
 */
#include "authority.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/depot/chunk-maker.h"
#include "base/depot/store-folder.h"
#include "base/log.h"
#include "berth/errors.h"
#include "display/transport/image-fetch.h"
#include "display/transport/image-server.h"
#include "display/transport/image-source.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HOST_SAN "URI:berth:host:0123456789abcdef0123456789abcdef,DNS:host"
#define MAX_ROUNDS 64
/* For socket buffers and the like. */
#define SPARE_BYTES (256u << 20)

typedef struct {
    char *base;
    int size_mib, n_rounds;
    Authority site;
    BerthStoreFolder *source, *target;
    BerthAddress server;
    pid_t server_pid;
    BerthTlsContext *tls;
    int stop_fd;
} Bench;

/* What one round of one row took. */
typedef struct {
    double cp_s, cp_sync_s, cp_cpu_s, verified_s, synced_s, cpu_s, wire_mib;
} Round;

static double
seconds(int64_t us)
{
    return (double)us / 1e6;
}

/* Processor time of all threads of a process. */
static double
cpu_of(pid_t pid)
{
    clockid_t clock;
    struct timespec time = { 0 };
    if (clock_getcpuclockid(pid, &clock) == 0) {
        clock_gettime(clock, &time);
    }
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Processor time of the children that have ended: of cp. */
static double
cpu_of_children(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return seconds((usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL +
                   usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void
fail(const char *what)
{
    fprintf(stderr, "bench-replicate: %s\n", what);
    exit(EXIT_FAILURE);
}

/* ---- the source ---- */

static int
open_file(const BerthDigest *root, int *ret_fd, BerthChunkList **ret_list, void *user_data)
{
    const BerthStoreFolder *folder = user_data;
    g_autofree char *path = berth_store_folder_file(folder, root, "chunks");
    g_autoptr(BerthChunkList) list = berth_chunk_list_load(path, root, NULL);
    int fd = list == NULL ? -1
                          : berth_store_folder_open_file(folder, root,
                                                         berth_chunk_list_size_bytes(list), NULL);
    if (fd < 0) {
        return BERTH_ERR_NOT_FOUND;
    }
    *ret_fd = fd;
    *ret_list = g_steal_pointer(&list);
    return BERTH_OK;
}

static void
run_server(const Bench *self, int fd)
{
    char text[BERTH_ADDRESS_CHARS] = { 0 };
    BerthAddress address;
    g_autoptr(BerthTlsKey) key = berth_tls_key_load(self->site.cert, self->site.key, NULL);
    BerthImageServerConfig config = {
        .key = key,
        .ca_file = self->site.ca,
        .max_connections = 8,
        .open_file = open_file,
        .user_data = self->source,
    };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    berth_address_parse("127.0.0.1:0", &config.listen);
    BerthImageServer *server = berth_image_server_new(&config, NULL);
    if (server == NULL) {
        fail("cannot serve");
    }
    berth_image_server_get_address(server, &address);
    berth_address_format(&address, text);
    if (write(fd, text, sizeof text) != sizeof text) {
        fail("nobody listens");
    }
    for (;;) {
        pause();
    }
}

static void
start_server(Bench *self)
{
    int fds[2];
    char text[BERTH_ADDRESS_CHARS];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        fail("no pipe");
    }
    self->server_pid = fork();
    if (self->server_pid == 0) {
        run_server(self, fds[1]);
    }
    if (read(fds[0], text, sizeof text) != sizeof text ||
        berth_address_parse(text, &self->server) != BERTH_OK) {
        fail("the server does not start");
    }
    close(fds[0]);
    close(fds[1]);
}

/* ---- files ---- */

/* Random bytes, but zeros where nothing is: every hole_every-th MiB of chunks; 0: nowhere. */
static void
write_file(const char *path, int size_mib, int hole_every)
{
    g_autofree uint8_t *block = g_malloc(1 << 20);
    uint64_t mark = 0;
    berth_autofd int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)size_mib << 20) != 0 || getrandom(block, 256, 0) != 256) {
        fail("cannot make the file");
    }
    for (size_t i = 256; i + 8 <= 1 << 20; i += 8) {
        uint64_t word;
        memcpy(&word, block + i - 256, sizeof word);
        word = word * 6364136223846793005u + 1442695040888963407u;
        memcpy(block + i, &word, sizeof word);
    }
    for (int mib = 0; mib < size_mib; mib++) {
        if (hole_every > 0 && mib / 64 % hole_every == 0) {
            continue;
        }
        mark++;
        for (size_t i = 0; i < 1 << 20; i += 4096) {
            memcpy(block + i, &mark, sizeof mark);
        }
        if (pwrite(fd, block, 1 << 20, (off_t)mib << 20) != 1 << 20) {
            fail("cannot write the file");
        }
    }
}

/* Other bytes in one chunk of every n_chunks: what a patch day changes. */
static void
patch_file(const char *path, int size_mib, int every)
{
    const char news[] = "these bytes are new";
    berth_autofd int fd = open(path, O_RDWR | O_CLOEXEC);
    for (int chunk = 0; chunk * 4 < size_mib; chunk += every) {
        if (pwrite(fd, news, sizeof news, ((off_t)chunk << 22) + 512) != sizeof news) {
            fail("cannot patch the file");
        }
    }
}

static BerthDigest
take(BerthStoreFolder *folder, const char *path)
{
    BerthDigest root;
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    g_autoptr(BerthChunkList) list = berth_chunk_list_make(fd, NULL, NULL);
    if (list == NULL || !berth_store_folder_take(folder, path, list, NULL)) {
        fail("cannot take the file");
    }
    berth_chunk_list_root(list, &root);
    return root;
}

static void
run_cp(const char *from, const char *to)
{
    const char *argv[] = { "cp", from, to, NULL };
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                      NULL)) {
        fail("cp cannot be run");
    }
}

/*
 * In a virtual machine the first touch of a page may cost more than all that is measured here: both
 * get pages that were in use a moment ago.
 */
static void
warm_memory(const Bench *self)
{
    size_t n = ((size_t)self->size_mib << 20) + SPARE_BYTES;
    sync();
    void *pages =
        mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (pages != MAP_FAILED) {
        munmap(pages, n);
    }
}

/* cp, and the time until its file is on the disk. */
static void
time_cp(const Bench *self, const BerthDigest *root, Round *round)
{
    g_autofree char *from = berth_store_folder_file(self->source, root, "img");
    g_autofree char *to = g_build_filename(self->base, "copy", NULL);
    unlink(to);
    warm_memory(self);
    double cpu_s = cpu_of_children();
    int64_t start_us = berth_monotonic_us();
    run_cp(from, to);
    round->cp_s = seconds(berth_monotonic_us() - start_us);
    round->cp_cpu_s = cpu_of_children() - cpu_s;
    berth_autofd int fd = open(to, O_RDONLY | O_CLOEXEC);
    fsync(fd);
    round->cp_sync_s = seconds(berth_monotonic_us() - start_us);
    unlink(to);
}

static void
time_fetch(const Bench *self, const BerthDigest *root, uint64_t size_bytes,
           const BerthDigest *older, Round *round)
{
    GError *error = NULL;
    BerthImageProgress progress = { 0 };
    const BerthImageFetchConfig config = {
        .folder = self->target,
        .root = *root,
        .size_bytes = size_bytes,
        .sources = &self->server,
        .n_sources = 1,
        .tls = self->tls,
        .older = older,
        .n_older = older != NULL ? 1 : 0,
        .stop_fd = self->stop_fd,
        .progress = &progress,
    };
    berth_store_folder_remove(self->target, root, NULL);
    warm_memory(self);
    double cpu_s = cpu_of(self->server_pid) + cpu_of(getpid());
    int64_t start_us = berth_monotonic_us();
    if (!berth_image_fetch(&config, &error)) {
        fail(error->message);
    }
    round->cpu_s = cpu_of(self->server_pid) + cpu_of(getpid()) - cpu_s;
    round->verified_s = seconds(progress.verified_us - start_us);
    round->synced_s = seconds(berth_monotonic_us() - start_us);
    round->wire_mib = (double)progress.wire_bytes / (1 << 20);
}

/* ---- rows ---- */

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double
median(const Round *rounds, int n, size_t offset)
{
    double values[MAX_ROUNDS];
    for (int i = 0; i < n; i++) {
        memcpy(&values[i], (const char *)&rounds[i] + offset, sizeof(double));
    }
    qsort(values, (size_t)n, sizeof(double), compare);
    return values[n / 2];
}

#define MEDIAN(rounds, n, field) median(rounds, n, offsetof(Round, field))

static void
run_row(const Bench *self, const char *name, const BerthDigest *root, const BerthDigest *older)
{
    Round rounds[MAX_ROUNDS];
    uint64_t size_bytes = (uint64_t)self->size_mib << 20;
    for (int i = 0; i < self->n_rounds; i++) {
        time_cp(self, root, &rounds[i]);
        time_fetch(self, root, size_bytes, older, &rounds[i]);
    }
    double cp_s = MEDIAN(rounds, self->n_rounds, cp_s);
    double verified_s = MEDIAN(rounds, self->n_rounds, verified_s);
    double cp_sync_s = MEDIAN(rounds, self->n_rounds, cp_sync_s);
    double synced_s = MEDIAN(rounds, self->n_rounds, synced_s);
    printf("%-34s %6.0f %8.2f %9.2f %8.2f %9.2f %9.2f %8.2f %8.2f %8.2f\n", name,
           rounds[0].wire_mib, cp_s, verified_s, cp_s / verified_s, cp_sync_s, synced_s,
           cp_sync_s / synced_s, MEDIAN(rounds, self->n_rounds, cp_cpu_s),
           MEDIAN(rounds, self->n_rounds, cpu_s));
    fflush(stdout);
}

static BerthDigest
make_version(const Bench *self, const char *name, int hole_every, int patch_every)
{
    g_autofree char *path = berth_store_folder_tmp_file(self->source, name);
    write_file(path, self->size_mib, hole_every);
    if (patch_every > 0) {
        patch_file(path, self->size_mib, patch_every);
    }
    return take(self->source, path);
}

static void
run(Bench *self)
{
    printf("%d MiB, medians of %d; cp / ours: 1.00 is as fast as cp\n", self->size_mib,
           self->n_rounds);
    printf("%-34s %6s %8s %9s %8s %9s %9s %8s %8s %8s\n", "", "wire", "cp", "verified", "cp/ours",
           "cp+sync", "+sync", "cp/ours", "cp cpu", "our cpu");
    BerthDigest dense = make_version(self, "dense", 0, 0);
    run_row(self, "random data, no holes", &dense, NULL);
    BerthDigest sparse = make_version(self, "sparse", 3, 0);
    run_row(self, "a third is holes", &sparse, NULL);
    /* The parent stays in the target's folder from the row before. */
    g_autofree char *from = berth_store_folder_file(self->source, &sparse, "img");
    g_autofree char *path = berth_store_folder_tmp_file(self->source, "patched");
    run_cp(from, path);
    chmod(path, 0600);
    patch_file(path, self->size_mib, 10);
    BerthDigest patched = take(self->source, path);
    run_row(self, "patched: the host has the parent", &patched, &sparse);
}

static void
remove_folder(const char *path)
{
    const char *name;
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        if (g_file_test(child, G_FILE_TEST_IS_DIR)) {
            remove_folder(child);
        } else {
            g_remove(child);
        }
    }
    g_rmdir(path);
}

int
main(int argc, char **argv)
{
    Bench self = { .size_mib = 2048, .n_rounds = 5, .stop_fd = -1 };
    GOptionEntry entries[] = {
        { "size", 0, 0, G_OPTION_ARG_INT, &self.size_mib, "MiB of the version (2048)", "N" },
        { "rounds", 0, 0, G_OPTION_ARG_INT, &self.n_rounds, "Repetitions (5)", "N" },
        { "folder", 0, 0, G_OPTION_ARG_FILENAME, &self.base, "Where the files go", "PATH" },
        { NULL },
    };
    g_autoptr(GOptionContext) options = g_option_context_new("- replication beside cp");
    g_option_context_add_main_entries(options, entries, NULL);
    if (!g_option_context_parse(options, &argc, &argv, NULL) || self.n_rounds < 1 ||
        self.n_rounds > MAX_ROUNDS || self.size_mib < 64) {
        fail("see --help");
    }
    berth_log_init("bench-replicate");
    if (self.base == NULL) {
        self.base = g_dir_make_tmp("berth-replicate-XXXXXX", NULL);
    } else {
        self.base = g_build_filename(self.base, "berth-replicate", NULL);
    }
    g_autofree char *source = g_build_filename(self.base, "source", NULL);
    g_autofree char *target = g_build_filename(self.base, "target", NULL);
    self.source = berth_store_folder_open(source, 0, NULL);
    self.target = berth_store_folder_open(target, 0, NULL);
    if (self.source == NULL || self.target == NULL) {
        fail("the folder cannot be made");
    }
    authority_init(&self.site, HOST_SAN);
    g_autoptr(BerthTlsKey) key = berth_tls_key_load(self.site.cert, self.site.key, NULL);
    self.tls = berth_image_source_tls_new(key, self.site.ca, NULL);
    start_server(&self);
    run(&self);
    kill(self.server_pid, SIGKILL);
    waitpid(self.server_pid, NULL, 0);
    authority_clear(&self.site);
    remove_folder(self.base);
    return EXIT_SUCCESS;
}
