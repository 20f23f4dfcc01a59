/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first bytes of a file, into memory of the caller: headers, and small files with secrets that
 * nothing else may have a copy of.  Thread: any; it blocks as long as read() does.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Reads until there are size bytes or the file ends.  Returns how many there are; -1 with errno. */
ssize_t berth_read_start(int fd, void *bytes, size_t size);

/*
 * The same of a file.
 *
 * flags:  for open(), beside O_RDONLY, O_CLOEXEC, O_NONBLOCK and O_NOCTTY
 */
ssize_t berth_read_file_start(const char *path, int flags, void *bytes, size_t size);
