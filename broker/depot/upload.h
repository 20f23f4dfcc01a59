/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An upload: files that an administrator sends, and what is to be made of them.
 *
 *   <depot>/uploads/<id>/upload.json   what is wanted and how far it is; written as a whole
 *   <depot>/uploads/<id>/disk          bytes as they came; as long as what was received
 *   <depot>/uploads/<id>/disk.raw      being converted
 *   .../kernel, .../initrd
 *
 * It outlives the broker: whoever starts next finds it by its folder.  Thread: main; while an
 * import works on it, it is lent to the import's thread.
 */
#pragma once

#include "base/depot/version-manifest.h"

#include <glib.h>
#include <jansson.h>

typedef struct {
    uint64_t size_bytes;   /* announced; 0: there is no such file */
    BerthVersionFile made; /* in the store; is_present once it is */
} BerthUploadFile;

typedef struct {
    char id[BERTH_ID_HEX_CHARS + 1];
    char image[BERTH_ID_HEX_CHARS + 1];
    char account[BERTH_ID_HEX_CHARS + 1]; /* who may go on with it */
    char *actor;                          /* "user:ann", for the audit log */
    char *format;                         /* of the disk; "": guess */
    char *path;                           /* the disk is this file; NULL: it is sent */
    char *changelog;
    json_t *machine; /* settings, all keys */
    int64_t created_us;
    BerthUploadFile files[BERTH_VERSION_N_FILES];
    /* Set when the import begins. */
    char operation[BERTH_ID_HEX_CHARS + 1];
    char version[BERTH_ID_HEX_CHARS + 1];
    /* Not stored. */
    char *folder;
    bool is_importing, is_writing;
} BerthUpload;

/*
 * Makes the folder and the journal.
 *
 * self:     filled by the caller up to files; folder is set here
 * uploads:  "<depot>/uploads"
 */
bool berth_upload_create(BerthUpload *self, const char *uploads, GError **error);

/* Reads the journal in a folder.  Returns NULL with BERTH_ERR_CORRUPT, or that of the errno. */
BerthUpload *berth_upload_load(const char *folder, GError **error);

/* Writes the journal. */
bool berth_upload_save(const BerthUpload *self, GError **error);

/* Path of a file of it; suffix "" or ".raw"; owned by the caller. */
char *berth_upload_file(const BerthUpload *self, BerthVersionFileRole role, const char *suffix);

/* Bytes of a file that are there. */
uint64_t berth_upload_received(const BerthUpload *self, BerthVersionFileRole role);

/* Whether all bytes of all files are there; says which is not. */
bool berth_upload_is_complete(const BerthUpload *self, GError **error);

/*
 * Writes a piece behind what is there; blocks of zeros become holes.  What could not be written
 * whole is taken back.
 *
 * Errors: BERTH_ERR_NOT_FOUND (no such file was announced), BERTH_ERR_STATE (not behind what is
 * there), BERTH_ERR_TOO_LARGE, BERTH_ERR_DISK_FULL, that of the errno.  Thread: any, one at a time.
 */
bool berth_upload_write(const BerthUpload *self, BerthVersionFileRole role, uint64_t offset,
                        const uint8_t *bytes, size_t n, GError **error);

/* What the API shows: new JSON object. */
json_t *berth_upload_to_json(const BerthUpload *self);

/* Removes folder and files. */
void berth_upload_remove(BerthUpload *self);

/* Frees the value; the files stay.  NULL is allowed. */
void berth_upload_free(BerthUpload *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BerthUpload, berth_upload_free)
