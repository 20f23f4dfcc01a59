/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * New SSH host keys for a guest, made here: a guest under emulation takes a thousand times as long,
 * and has nothing to make them from before its random numbers are its own.  The host can read a
 * guest's memory anyway, so nothing is lost.  Thread: any.
 */
#pragma once

#include <stdbool.h>

typedef enum {
    BERTH_SSH_ED25519,
    BERTH_SSH_ECDSA, /* on the curve P-256 */
} BerthSshKeyKind;

/*
 * Makes a key.
 *
 * ret_private:  the file as OpenSSH writes it, without a passphrase; for berth_ssh_key_clear()
 * ret_public:   the line of its ".pub" file; for g_free()
 *
 * Both are set on success only.  Returns false if OpenSSL cannot make such keys.
 */
bool berth_ssh_key_make(BerthSshKeyKind kind, char **ret_private, char **ret_public);

/* "ed25519" or "ecdsa", as in the names of OpenSSH's files. */
const char *berth_ssh_key_name(BerthSshKeyKind kind);

/* Overwrites and frees; NULL is allowed. */
void berth_ssh_key_clear(char *text);
