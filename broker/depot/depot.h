/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The depot of a broker: takes files of images from administrators, makes versions of them, keeps
 * the files and serves them to hosts.
 *
 *   <folder>/<root>.img, .chunks   files of versions (base/depot/store-folder.h)
 *   <folder>/uploads/<id>/         what is being sent or imported (upload.h)
 *   <folder>/incoming/             files that an administrator puts there by hand
 *
 * Uploads belong to one broker, and outlive it: an import that was cut off goes on when the broker
 * starts.  Bytes are written, converted and hashed in threads; the store is never waited for.
 * Thread: main.
 */
#pragma once

#include "base/config.h"
#include "berth/limits.h"
#include "broker/depot/upload.h"

typedef struct BerthBroker BerthBroker;
typedef struct BerthDepot BerthDepot;

/* Rows of the configuration, for the broker's schema. */
#define BERTH_DEPOT_CONFIG_ROWS                                                                     \
    {                                                                                               \
        "depot", "folder", BERTH_CONFIG_PATH, 0, 0, "", "files of images; empty is STATE_DIR/depot" \
    },                                                                                              \
        { "depot",                                                                                  \
          "listen",                                                                                 \
          BERTH_CONFIG_STRING,                                                                      \
          1,                                                                                        \
          64,                                                                                       \
          "127.0.0.1:0",                                                                            \
          "ip:port from which hosts fetch files of images" },                                       \
        { "depot",                                                                                  \
          "advertise",                                                                              \
          BERTH_CONFIG_STRING,                                                                      \
          0,                                                                                        \
          64,                                                                                       \
          "",                                                                                       \
          "ip:port that hosts are told; empty is listen" },                                         \
        { "depot",                                                                                  \
          "reserve",                                                                                \
          BERTH_CONFIG_SIZE,                                                                        \
          0,                                                                                        \
          INT64_MAX,                                                                                \
          "1G",                                                                                     \
          "bytes that stay free in folder" },                                                       \
        { "depot",                                                                                  \
          "max_image",                                                                              \
          BERTH_CONFIG_SIZE,                                                                        \
          1024,                                                                                     \
          (int64_t)BERTH_LIMIT_IMAGE_BYTES,                                                         \
          "512G",                                                                                   \
          "largest disk that can be imported" },                                                    \
        { "depot",                                                                                  \
          "convert_minutes",                                                                        \
          BERTH_CONFIG_INT,                                                                         \
          1,                                                                                        \
          1440,                                                                                     \
          "120",                                                                                    \
          "time that qemu-img has for one image" },                                                 \
        { "depot", "qemu_img", BERTH_CONFIG_PATH, 0, 0, "/usr/bin/qemu-img", "qemu-img" },          \
        { "depot",                                                                                  \
          "sandbox_program",                                                                        \
          BERTH_CONFIG_STRING,                                                                      \
          1,                                                                                        \
          0,                                                                                        \
          BERTH_IMAGE_SANDBOX_PROGRAM,                                                              \
          "program in which qemu-img is run" },

/*
 * Opens the folder and finds the uploads in it.
 *
 * broker:  borrowed; not used before start
 *
 * Errors: those of the folder.  Returns NULL on error.
 */
BerthDepot *berth_depot_new(BerthBroker *broker, const BerthConfig *config, GError **error);

/* Goes on with the imports that were cut off, serves hosts, and tells the site where. */
bool berth_depot_start(BerthDepot *self, const BerthConfig *config, GError **error);

/* Ends imports, which go on at the next start, and waits for threads.  The broker's store is still
 * there, and what is submitted to it is dropped. */
void berth_depot_stop(BerthDepot *self);

/* NULL is allowed. */
void berth_depot_free(BerthDepot *self);

/* How a request to the depot ended: BERTH_OK or an error with a sentence. */
typedef void (*BerthDepotDone)(int code, const char *detail, void *user_data);

/*
 * Begins an upload.
 *
 * upload:  taken, also on error; filled up to files; for a path only its name, the size is found
 *
 * Errors, by done: BERTH_ERR_THROTTLED (too many), BERTH_ERR_DISK_FULL, BERTH_ERR_TOO_LARGE,
 * BERTH_ERR_NOT_FOUND (no such file in incoming).
 */
void berth_depot_add(BerthDepot *self, BerthUpload *upload, BerthDepotDone done, void *user_data);

/*
 * Finds an upload of an account.
 *
 * Returns a borrowed pointer, valid until the main loop runs; NULL if there is none.
 */
BerthUpload *berth_depot_find(BerthDepot *self, const char *id, const char *account);

/*
 * Writes a piece behind what is there.
 *
 * bytes:  taken
 *
 * Errors, by done: those of berth_upload_write(), BERTH_ERR_BUSY while another piece is written or
 * it is imported.
 */
void berth_depot_write(BerthDepot *self, BerthUpload *upload, BerthVersionFileRole role,
                       uint64_t offset, GBytes *bytes, BerthDepotDone done, void *user_data);

/*
 * Begins the import of an upload that is complete: done is called when the operation and the
 * version are in the store (upload->operation, upload->version).  Asked for again it is the same
 * one.
 *
 * Errors, by done: BERTH_ERR_STATE, BERTH_ERR_FORBIDDEN, BERTH_ERR_NOT_FOUND (the image is gone),
 * those of the store.
 */
void berth_depot_import(BerthDepot *self, BerthUpload *upload, BerthDepotDone done,
                        void *user_data);

/* Throws an upload away.  Errors: BERTH_ERR_BUSY while it is written or imported. */
int berth_depot_remove(BerthDepot *self, BerthUpload *upload);

/* Uploads of an account: new JSON array. */
json_t *berth_depot_list(BerthDepot *self, const char *account);
