/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/fdpass.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union {
    char bytes[CMSG_SPACE(sizeof(int) * BERTH_FDPASS_MAX_FDS)];
    struct cmsghdr align;
} ControlBuffer;

int
berth_fds_send(int sock, const void *data, size_t len, const int *fds, int n_fds)
{
    if (len == 0 || n_fds < 0 || n_fds > BERTH_FDPASS_MAX_FDS) {
        return BERTH_ERR_INVALID;
    }
    ControlBuffer control = { 0 };
    struct iovec packet = { .iov_base = (void *)data, .iov_len = len };
    struct msghdr message = { .msg_iov = &packet, .msg_iovlen = 1 };
    if (n_fds > 0) {
        size_t fds_bytes = sizeof(int) * (size_t)n_fds;
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(fds_bytes);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds_bytes);
        memcpy(CMSG_DATA(header), fds, fds_bytes);
    }
    ssize_t sent;
    do {
        sent = sendmsg(sock, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? berth_error_from_errno(errno) : BERTH_OK;
}

static int
collect_fds(struct msghdr *message, int fds[BERTH_FDPASS_MAX_FDS])
{
    int n_fds = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t n_here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        /* The control buffer holds no more than the array; the kernel closes what does not fit. */
        for (size_t i = 0; i < n_here && n_fds < BERTH_FDPASS_MAX_FDS; i++) {
            memcpy(&fds[n_fds++], CMSG_DATA(header) + i * sizeof(int), sizeof(int));
        }
    }
    return n_fds;
}

int
berth_fds_recv(int sock, void *buf, size_t cap, size_t *ret_len, int *ret_fds, int max_fds,
               int *ret_n_fds)
{
    ControlBuffer control;
    struct iovec packet = { .iov_base = buf, .iov_len = cap };
    struct msghdr message = {
        .msg_iov = &packet,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    ssize_t len;
    do {
        len = recvmsg(sock, &message, MSG_CMSG_CLOEXEC);
    } while (len < 0 && errno == EINTR);
    if (len < 0) {
        return berth_error_from_errno(errno);
    }
    int fds[BERTH_FDPASS_MAX_FDS];
    int n_fds = collect_fds(&message, fds);
    bool is_cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    if (len == 0 || is_cut || n_fds > max_fds) {
        for (int i = 0; i < n_fds; i++) {
            close(fds[i]);
        }
        return len == 0 && !is_cut && n_fds == 0 ? BERTH_ERR_CLOSED : BERTH_ERR_PROTOCOL;
    }
    if (n_fds > 0) {
        memcpy(ret_fds, fds, sizeof(int) * (size_t)n_fds);
    }
    *ret_len = (size_t)len;
    *ret_n_fds = n_fds;
    return BERTH_OK;
}
