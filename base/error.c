/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/error.h"

#include <errno.h>
#include <string.h>

typedef struct {
    int code;
    const char *name;
    const char *sentence;
} ErrorRow;

static const ErrorRow error_rows[] = {
#define ERROR_ROW(symbol, number, id, text) { (number), (id), (text) },
    BERTH_ERROR_TABLE(ERROR_ROW)
#undef ERROR_ROW
};

static const struct {
    int errnum;
    int code;
} errno_rows[] = {
    { 0, BERTH_OK },
    { EAGAIN, BERTH_ERR_AGAIN },
    { EINTR, BERTH_ERR_AGAIN },
    { EINPROGRESS, BERTH_ERR_AGAIN },
    { ENOSPC, BERTH_ERR_DISK_FULL },
    { EDQUOT, BERTH_ERR_DISK_FULL },
    { ENOENT, BERTH_ERR_NOT_FOUND },
    { ESRCH, BERTH_ERR_NOT_FOUND },
    { EEXIST, BERTH_ERR_EXISTS },
    { EADDRINUSE, BERTH_ERR_BUSY },
    { EBUSY, BERTH_ERR_BUSY },
    { ETXTBSY, BERTH_ERR_BUSY },
    { ENOMEM, BERTH_ERR_NO_MEMORY },
    { EACCES, BERTH_ERR_FORBIDDEN },
    { EPERM, BERTH_ERR_FORBIDDEN },
    { EROFS, BERTH_ERR_FORBIDDEN },
    { EINVAL, BERTH_ERR_INVALID },
    { ENAMETOOLONG, BERTH_ERR_TOO_LARGE },
    { EMSGSIZE, BERTH_ERR_TOO_LARGE },
    { EFBIG, BERTH_ERR_TOO_LARGE },
    { EPIPE, BERTH_ERR_CLOSED },
    { ECONNRESET, BERTH_ERR_CLOSED },
    { ECONNABORTED, BERTH_ERR_CLOSED },
    { ENOTCONN, BERTH_ERR_CLOSED },
    { ETIMEDOUT, BERTH_ERR_TIMEOUT },
    { ENOSYS, BERTH_ERR_UNSUPPORTED },
    { EOPNOTSUPP, BERTH_ERR_UNSUPPORTED },
};

GQuark
berth_error_quark(void)
{
    return g_quark_from_static_string("berth-error-quark");
}

static const ErrorRow *
find_row(int code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(error_rows); i++) {
        if (error_rows[i].code == code) {
            return &error_rows[i];
        }
    }
    return NULL;
}

const char *
berth_error_name(int code)
{
    if (code == BERTH_OK) {
        return "ok";
    }
    const ErrorRow *row = find_row(code);
    return row ? row->name : "unknown";
}

const char *
berth_error_sentence(int code)
{
    if (code == BERTH_OK) {
        return "all is well";
    }
    const ErrorRow *row = find_row(code);
    return row ? row->sentence : "an unknown error happened";
}

int
berth_error_from_name(const char *name)
{
    if (!name) {
        return BERTH_ERR_INTERNAL;
    }
    if (strcmp(name, "ok") == 0) {
        return BERTH_OK;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(error_rows); i++) {
        if (strcmp(error_rows[i].name, name) == 0) {
            return error_rows[i].code;
        }
    }
    return BERTH_ERR_INTERNAL;
}

bool
berth_set_error(GError **error, int code, const char *format, ...)
{
    if (error) {
        va_list args;
        va_start(args, format);
        GError *made = g_error_new_valist(BERTH_ERROR, code, format, args);
        va_end(args);
        g_propagate_error(error, made);
    }
    return false;
}

int
berth_error_from_errno(int errnum)
{
    for (size_t i = 0; i < G_N_ELEMENTS(errno_rows); i++) {
        if (errno_rows[i].errnum == errnum) {
            return errno_rows[i].code;
        }
    }
    return BERTH_ERR_IO;
}
