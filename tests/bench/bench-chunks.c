/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How fast a file is turned into a list of chunks: by one thread and by more, with holes and
 * without, beside one digest of the whole file and beside reading it alone, in one run.
 *
 * usage: bench-chunks [MIB [ROUNDS]]
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/depot/chunk-maker.h"
#include "base/id.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024u * 1024)
#define MAX_ROUNDS 32

typedef struct {
    int fd;
    uint64_t size_bytes;
} File;

/* A file in the page cache; every second 64 MiB are a hole if wanted. */
static File
make_file(const char *folder, uint64_t n_mib, bool has_holes)
{
    g_autofree char *path = g_build_filename(folder, "file", NULL);
    g_autofree uint8_t *block = g_malloc(MIB);
    File file = { open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), n_mib * MIB };
    bool is_good = file.fd >= 0 && ftruncate(file.fd, (off_t)file.size_bytes) == 0;
    for (uint64_t i = 0; is_good && i < n_mib; i++) {
        if (!has_holes || i / 64 % 2 == 0) {
            berth_random_bytes(block, MIB);
            is_good = pwrite(file.fd, block, MIB, (off_t)(i * MIB)) == MIB;
        }
    }
    if (!is_good) {
        fprintf(stderr, "bench-chunks: cannot write \"%s\"\n", path);
        exit(1);
    }
    unlink(path);
    return file;
}

static void
make_list(const File *file, unsigned n_threads)
{
    BerthChunkMakerOptions options = { .n_threads = n_threads };
    g_autoptr(BerthChunkList) list = berth_chunk_list_make(file->fd, &options, NULL);
    g_assert(list != NULL);
}

/* Reads all of it, and digests it if context is not NULL. */
static void
read_all(const File *file, EVP_MD_CTX *context)
{
    g_autofree uint8_t *block = g_malloc(4 * MIB);
    uint8_t digest[EVP_MAX_MD_SIZE];
    for (uint64_t at = 0; at < file->size_bytes; at += 4 * MIB) {
        ssize_t n = pread(file->fd, block, 4 * MIB, (off_t)at);
        g_assert(n > 0);
        if (context != NULL) {
            EVP_DigestUpdate(context, block, (size_t)n);
        }
    }
    if (context != NULL) {
        EVP_DigestFinal_ex(context, digest, NULL);
    }
}

static void
digest_whole(const File *file, unsigned unused)
{
    (void)unused;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    read_all(file, context);
    EVP_MD_CTX_free(context);
}

static void
only_read(const File *file, unsigned unused)
{
    (void)unused;
    read_all(file, NULL);
}

static int
compare(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

static const struct {
    const char *name;
    void (*run)(const File *file, unsigned n_threads);
    unsigned n_threads;
} rows[] = {
    { "read alone", only_read, 0 },
    { "one SHA-256 of it all", digest_whole, 0 },
    { "chunk list, 1 thread", make_list, 1 },
    { "chunk list, 2 threads", make_list, 2 },
    { "chunk list, all processors", make_list, 0 },
};

static void
run_all(const char *folder, uint64_t n_mib, int n_rounds, bool has_holes)
{
    File file = make_file(folder, n_mib, has_holes);
    printf("%" G_GUINT64_FORMAT " MiB, %s, %d rounds, medians\n", n_mib,
           has_holes ? "half of it holes" : "no holes", n_rounds);
    double first = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        double ms[MAX_ROUNDS];
        for (int r = 0; r < n_rounds; r++) {
            int64_t since_us = berth_monotonic_us();
            rows[i].run(&file, rows[i].n_threads);
            ms[r] = (double)(berth_monotonic_us() - since_us) / 1000;
        }
        qsort(ms, (size_t)n_rounds, sizeof(*ms), compare);
        double median = ms[n_rounds / 2];
        first = i == 1 ? median : first;
        printf("  %-28s %8.0f ms  %7.0f MiB/s", rows[i].name, median,
               (double)n_mib * 1000 / median);
        printf(first > 0 ? "  x %.2f\n" : "\n", first / median);
    }
    close(file.fd);
}

int
main(int argc, char **argv)
{
    uint64_t n_mib = argc > 1 ? g_ascii_strtoull(argv[1], NULL, 10) : 1024;
    int n_rounds = argc > 2 ? CLAMP((int)g_ascii_strtoll(argv[2], NULL, 10), 1, MAX_ROUNDS) : 10;
    g_autofree char *folder = g_dir_make_tmp("berth-bench-XXXXXX", NULL);
    if (folder == NULL || n_mib == 0) {
        fprintf(stderr, "usage: bench-chunks [MIB [ROUNDS]]\n");
        return 2;
    }
    run_all(folder, n_mib, n_rounds, false);
    run_all(folder, n_mib, n_rounds, true);
    rmdir(folder);
    return 0;
}
