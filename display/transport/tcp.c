/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/transport/tcp.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Connections that wait to be accepted; the kernel lowers it to its own limit. */
#define LISTEN_BACKLOG 512
/* A dead peer that sends nothing is noticed after 60 + 3 * 10 seconds. */
#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES 3

static int
parse_port(const char *text, uint16_t *ret)
{
    uint32_t port = 0;
    size_t n = strlen(text);
    if (n == 0 || n > 5) {
        return BERTH_ERR_INVALID;
    }
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return BERTH_ERR_INVALID;
        }
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    if (port > 65535) {
        return BERTH_ERR_INVALID;
    }
    *ret = (uint16_t)port;
    return BERTH_OK;
}

static int
parse_ipv6(const char *ip, uint16_t port, BerthAddress *ret)
{
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    if (inet_pton(AF_INET6, ip, &in6.sin6_addr) != 1) {
        return BERTH_ERR_INVALID;
    }
    memset(ret, 0, sizeof *ret);
    memcpy(&ret->storage, &in6, sizeof in6);
    ret->len = sizeof in6;
    return BERTH_OK;
}

static int
parse_ipv4(const char *ip, uint16_t port, BerthAddress *ret)
{
    struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    if (inet_pton(AF_INET, ip, &in4.sin_addr) != 1) {
        return BERTH_ERR_INVALID;
    }
    memset(ret, 0, sizeof *ret);
    memcpy(&ret->storage, &in4, sizeof in4);
    ret->len = sizeof in4;
    return BERTH_OK;
}

int
berth_address_parse(const char *text, BerthAddress *ret)
{
    char ip[INET6_ADDRSTRLEN];
    uint16_t port;
    const char *colon = strrchr(text, ':');
    if (colon == NULL || parse_port(colon + 1, &port) != BERTH_OK) {
        return BERTH_ERR_INVALID;
    }
    bool is_bracketed = text[0] == '[';
    const char *start = is_bracketed ? text + 1 : text;
    const char *end = is_bracketed ? colon - 1 : colon;
    if (end <= start || (is_bracketed && *end != ']') || (size_t)(end - start) >= sizeof ip) {
        return BERTH_ERR_INVALID;
    }
    memcpy(ip, start, (size_t)(end - start));
    ip[end - start] = '\0';
    return is_bracketed ? parse_ipv6(ip, port, ret) : parse_ipv4(ip, port, ret);
}

void
berth_address_format_ip(const BerthAddress *address, char out[BERTH_ADDRESS_CHARS])
{
    const void *ip = NULL;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    if (address->storage.ss_family == AF_INET) {
        memcpy(&in4, &address->storage, sizeof in4);
        ip = &in4.sin_addr;
    } else if (address->storage.ss_family == AF_INET6) {
        memcpy(&in6, &address->storage, sizeof in6);
        ip = &in6.sin6_addr;
    }
    if (ip == NULL || inet_ntop(address->storage.ss_family, ip, out, BERTH_ADDRESS_CHARS) == NULL) {
        snprintf(out, BERTH_ADDRESS_CHARS, "local");
    }
}

void
berth_address_format(const BerthAddress *address, char out[BERTH_ADDRESS_CHARS])
{
    char ip[BERTH_ADDRESS_CHARS];
    unsigned port = berth_address_get_port(address);
    berth_address_format_ip(address, ip);
    if (address->storage.ss_family == AF_INET6) {
        snprintf(out, BERTH_ADDRESS_CHARS, "[%.*s]:%u", INET6_ADDRSTRLEN, ip, port);
    } else {
        snprintf(out, BERTH_ADDRESS_CHARS, "%.*s:%u", INET6_ADDRSTRLEN, ip, port);
    }
}

uint16_t
berth_address_get_port(const BerthAddress *address)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    switch (address->storage.ss_family) {
    case AF_INET:
        memcpy(&in4, &address->storage, sizeof in4);
        return ntohs(in4.sin_port);
    case AF_INET6:
        memcpy(&in6, &address->storage, sizeof in6);
        return ntohs(in6.sin6_port);
    default:
        return 0;
    }
}

void
berth_address_set_port(BerthAddress *address, uint16_t port)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    if (address->storage.ss_family == AF_INET) {
        memcpy(&in4, &address->storage, sizeof in4);
        in4.sin_port = htons(port);
        memcpy(&address->storage, &in4, sizeof in4);
    } else if (address->storage.ss_family == AF_INET6) {
        memcpy(&in6, &address->storage, sizeof in6);
        in6.sin6_port = htons(port);
        memcpy(&address->storage, &in6, sizeof in6);
    }
}

static int
make_socket(const BerthAddress *address)
{
    return socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int
berth_tcp_listen(const BerthAddress *address, int *ret_fd)
{
    const int on = 1;
    berth_autofd int fd = make_socket(address);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (const struct sockaddr *)&address->storage, address->len) < 0 ||
        listen(fd, LISTEN_BACKLOG) < 0) {
        return berth_error_from_errno(errno);
    }
    *ret_fd = berth_steal_fd(&fd);
    return BERTH_OK;
}

/* Returns true for errors of a connection that died before it was accepted (accept(2)). */
static bool
is_gone_error(int errnum)
{
    switch (errnum) {
    case EAGAIN:
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
        return true;
    default:
        return false;
    }
}

int
berth_tcp_accept(int listen_fd, int *ret_fd, BerthAddress *ret_peer)
{
    BerthAddress peer = { .len = sizeof peer.storage };
    berth_autofd int fd = accept4(listen_fd, (struct sockaddr *)&peer.storage, &peer.len,
                                  SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return is_gone_error(errno) ? BERTH_ERR_AGAIN : berth_error_from_errno(errno);
    }
    int r = berth_tcp_tune(fd);
    if (r < 0) {
        return r;
    }
    if (ret_peer != NULL) {
        *ret_peer = peer;
    }
    *ret_fd = berth_steal_fd(&fd);
    return BERTH_OK;
}

int
berth_tcp_connect(const BerthAddress *address, int *ret_fd)
{
    berth_autofd int fd = make_socket(address);
    if (fd < 0) {
        return berth_error_from_errno(errno);
    }
    int r = berth_tcp_tune(fd);
    if (r < 0) {
        return r;
    }
    if (connect(fd, (const struct sockaddr *)&address->storage, address->len) < 0 &&
        errno != EINPROGRESS) {
        return berth_error_from_errno(errno);
    }
    *ret_fd = berth_steal_fd(&fd);
    return BERTH_OK;
}

int
berth_tcp_connect_result(int fd)
{
    int errnum = 0;
    socklen_t len = sizeof errnum;
    BerthAddress peer = { .len = sizeof peer.storage };
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0) {
        errnum = errno;
    }
    if (errnum != 0) {
        return berth_error_from_errno(errnum);
    }
    if (getpeername(fd, (struct sockaddr *)&peer.storage, &peer.len) < 0) {
        return BERTH_ERR_AGAIN;
    }
    return BERTH_OK;
}

static bool
set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static bool
tune_tcp(int fd)
{
    return set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
           set_int(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, BERTH_TCP_NOTSENT_LOWAT_BYTES) &&
           set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
           set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S) &&
           set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S) &&
           set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

int
berth_tcp_tune(int fd)
{
    int protocol = 0;
    socklen_t len = sizeof protocol;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return berth_error_from_errno(errno);
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) < 0) {
        return berth_error_from_errno(errno);
    }
    if (protocol == IPPROTO_TCP && !tune_tcp(fd)) {
        return berth_error_from_errno(errno);
    }
    return BERTH_OK;
}

int
berth_tcp_get_local(int fd, BerthAddress *ret)
{
    BerthAddress address = { .len = sizeof address.storage };
    if (getsockname(fd, (struct sockaddr *)&address.storage, &address.len) < 0) {
        return berth_error_from_errno(errno);
    }
    *ret = address;
    return BERTH_OK;
}

int
berth_tcp_get_peer(int fd, BerthAddress *ret)
{
    BerthAddress address = { .len = sizeof address.storage };
    if (getpeername(fd, (struct sockaddr *)&address.storage, &address.len) < 0) {
        return berth_error_from_errno(errno);
    }
    *ret = address;
    return BERTH_OK;
}
