/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The depot: uploads of images.
 */
#include "broker/api/handlers.h"
#include "broker/api/router.h"

#define BYTES_OF(key, what) \
    BERTH_FIELD_INT((key), false, 1, (int64_t)BERTH_LIMIT_IMAGE_BYTES, "bytes of the " what)

static const char *const formats[] = { "raw", "qcow2", "vmdk", "vdi", NULL };
static const char *const roles[] = { "disk", "kernel", "initrd", NULL };
static const BerthBodyField import_fields[] = {
    BERTH_FIELD_ENUM("format", false, formats, "of the disk; by its first bytes if not given"),
    BYTES_OF("size_bytes", "disk that will be sent"),
    BYTES_OF("kernel_bytes", "kernel that will be sent"),
    BYTES_OF("initrd_bytes", "initrd that will be sent"),
    BERTH_FIELD_TEXT("path", false, 1, 255,
                     "name of a file in the depot's folder incoming, instead of size_bytes"),
    BERTH_FIELD_TEXT("changelog", false, 0, BERTH_LIMIT_CHANGELOG_BYTES, "what is new in it"),
    BERTH_FIELD_OBJECT("machine", false,
                       "memory_mib, vcpus, width, height, ready, display, cmdline, prepare"),
};
static const BerthQueryField piece_query[] = {
    BERTH_FIELD_INT("offset", true, 0, (int64_t)BERTH_LIMIT_IMAGE_BYTES,
                    "where the bytes begin: behind those that are there"),
    BERTH_FIELD_ENUM("role", false, roles, "which file; the disk by default"),
};

const BerthRoute berth_routes_depot[] = {
    { BERTH_ASYNC("POST", "/v1/images/{id}/import", IMAGE_WRITE, IMAGE, berth_handle_add_upload,
                  201),
      BERTH_FIELDS(import_fields), .answer = "Upload",
      .doc = "begins an upload that becomes a version of the image" },
    { BERTH_ASYNC("GET", "/v1/uploads", IMAGE_WRITE, ANY, berth_handle_list_uploads, 200),
      .answer = "UploadList", .doc = "one's own uploads at this broker" },
    { BERTH_ASYNC("GET", "/v1/uploads/{id}", IMAGE_WRITE, ANY, berth_handle_get_upload, 200),
      .answer = "Upload", .doc = "how far an upload of one's own is" },
    { BERTH_ASYNC("PUT", "/v1/uploads/{id}", IMAGE_WRITE, ANY, berth_handle_write_upload, 200),
      BERTH_QUERY(piece_query), .raw_bytes = BERTH_LIMIT_UPLOAD_PIECE_BYTES, .answer = "Upload",
      .doc = "the next bytes of a file; cut off, it goes on behind received_bytes" },
    { BERTH_ASYNC("POST", "/v1/uploads/{id}/finish", IMAGE_WRITE, ANY, berth_handle_finish_upload,
                  202),
      .answer = "Import", .doc = "everything was sent: makes and signs the version" },
    { BERTH_ASYNC("DELETE", "/v1/uploads/{id}", IMAGE_WRITE, ANY, berth_handle_remove_upload, 204),
      .doc = "throws an upload away" },
};

const size_t berth_n_routes_depot = G_N_ELEMENTS(berth_routes_depot);
