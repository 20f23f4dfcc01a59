/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/secret.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct BerthSecret {
    uint8_t *bytes;
    size_t size;
    size_t mapped_bytes;
};

void
berth_wipe(void *bytes, size_t n)
{
    explicit_bzero(bytes, n);
}

bool
berth_equal_secret(const void *a, const void *b, size_t n)
{
    const volatile uint8_t *left = a;
    const volatile uint8_t *right = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < n; i++) {
        difference |= left[i] ^ right[i];
    }
    return difference == 0;
}

BerthSecret *
berth_secret_new(size_t size)
{
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    size_t mapped_bytes = (size / page_bytes + 1) * page_bytes; /* room for the final zero */
    void *bytes =
        mmap(NULL, mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) {
        g_error("no memory for a secret of %zu bytes: %s", size, g_strerror(errno));
    }
    /* Both are best effort: RLIMIT_MEMLOCK may be small, and the secret is needed all the same. */
    (void)!mlock(bytes, mapped_bytes);
    (void)!madvise(bytes, mapped_bytes, MADV_DONTDUMP);

    BerthSecret *secret = g_new(BerthSecret, 1);
    *secret = (BerthSecret){ bytes, size, mapped_bytes };
    return secret;
}

BerthSecret *
berth_secret_new_copy(const void *bytes, size_t size)
{
    BerthSecret *secret = berth_secret_new(size);
    if (size > 0) {
        memcpy(secret->bytes, bytes, size);
    }
    return secret;
}

uint8_t *
berth_secret_bytes(BerthSecret *secret)
{
    return secret->bytes;
}

size_t
berth_secret_size(const BerthSecret *secret)
{
    return secret->size;
}

void
berth_secret_free(BerthSecret *secret)
{
    if (!secret) {
        return;
    }
    berth_wipe(secret->bytes, secret->mapped_bytes);
    munmap(secret->bytes, secret->mapped_bytes);
    g_free(secret);
}

/* Reads byte by byte: what follows the newline belongs to the next reader of fd. */
static bool
read_line(int fd, uint8_t *line, size_t max, size_t *ret_len, GError **error)
{
    size_t len = 0;
    for (;;) {
        uint8_t byte;
        ssize_t n = read(fd, &byte, 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return berth_set_error(error, berth_error_from_errno(errno),
                                   "cannot read the secret from descriptor %d: %s", fd,
                                   g_strerror(errno));
        }
        if (n == 0 || byte == '\n') {
            *ret_len = len;
            return true;
        }
        if (byte == '\0') {
            return berth_set_error(error, BERTH_ERR_INVALID, "the secret holds a zero byte");
        }
        if (len == max) {
            return berth_set_error(error, BERTH_ERR_TOO_LARGE,
                                   "the secret is longer than %zu bytes", max);
        }
        line[len++] = byte;
    }
}

BerthSecret *
berth_secret_read_fd(int fd, size_t max, GError **error)
{
    g_autoptr(BerthSecret) secret = berth_secret_new(max);
    size_t len = 0;
    if (!read_line(fd, secret->bytes, max, &len, error)) {
        return NULL;
    }
    if (len == 0) {
        berth_set_error(error, BERTH_ERR_INVALID, "the secret is empty");
        return NULL;
    }
    secret->size = len;
    return g_steal_pointer(&secret);
}
