/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The manifest of an image version: what it is, which files it has, what a desktop from it needs.
 *
 * One text, canonical JSON (no spaces, sorted keys), which the broker signs and every host checks:
 *
 *   {"created_us":1,"files":[{"chunk_bytes":4194304,"role":"disk","root":"<64 hex>",
 *   "size_bytes":1}],"format":1,"image":"<id>","image_name":"office","machine":{...},"number":3,
 *   "parent":"<id> or empty","version":"<id>"}
 *
 * Only a text that would be written again byte by byte is read, so nobody can sign one thing and
 * mean another.  The signature is Ed25519 by the site's ticket key over the context below, a line
 * end and these bytes (berth_signing_key_sign_text()); the layers above make and check it.  Thread:
 * any.
 */
#pragma once

#include "base/depot/chunk-list.h"
#include "berth/ids.h"

#include <jansson.h>

/* Context of the signature. */
#define BERTH_VERSION_MANIFEST_CONTEXT "berth-image-1"

typedef enum {
    BERTH_VERSION_DISK,   /* raw and sparse; may only be missing beside a kernel */
    BERTH_VERSION_KERNEL, /* boots from the disk without one */
    BERTH_VERSION_INITRD, /* only with a kernel */
    BERTH_VERSION_N_FILES,
} BerthVersionFileRole;

typedef struct {
    bool is_present;
    BerthDigest root;
    uint64_t size_bytes;
} BerthVersionFile;

typedef enum {
    BERTH_VERSION_READY_GUEST_AGENT, /* the QEMU guest agent answers */
    BERTH_VERSION_READY_DISPLAY,     /* the console shows a picture of that size */
} BerthVersionReady;

typedef enum {
    BERTH_VERSION_DISPLAY_DBUS,
    BERTH_VERSION_DISPLAY_GPU, /* "vhost-user-gpu" */
} BerthVersionDisplay;

/* What a desktop needs; a value, its strings are owned. */
typedef struct {
    int memory_mib, vcpus;
    int width, height; /* pixels that the guest is offered first */
    BerthVersionReady ready;
    BerthVersionDisplay display;
    char *cmdline; /* of the kernel; NULL: none */
    char *prepare; /* script for the shell of the guest, run before a template is frozen; NULL */
} BerthVersionMachine;

typedef struct {
    BerthId image, version;
    BerthId parent;   /* zero: none */
    char *image_name; /* owned */
    int64_t number;   /* from 1, counts up in an image */
    int64_t created_us;
    BerthVersionFile files[BERTH_VERSION_N_FILES];
    BerthVersionMachine machine;
} BerthVersionManifest;

/*
 * Reads a manifest; every byte is checked.
 *
 * ret:  filled on success only; clear it with berth_version_manifest_clear()
 *
 * Errors: BERTH_ERR_TOO_LARGE, BERTH_ERR_VERSION (another format), BERTH_ERR_CORRUPT.
 */
bool berth_version_manifest_parse(const char *text, size_t n, BerthVersionManifest *ret,
                                  GError **error);

/*
 * The canonical text, to be signed; owned by the caller.
 *
 * Returns NULL if it would not be read again; the error says why.
 */
char *berth_version_manifest_format(const BerthVersionManifest *self, GError **error);

/* Frees the strings and zeroes the value. */
void berth_version_manifest_clear(BerthVersionManifest *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BerthVersionManifest, berth_version_manifest_clear)

/* Copies src into ret, which must be clear. */
void berth_version_manifest_copy(const BerthVersionManifest *src, BerthVersionManifest *ret);

/*
 * Whether a manifest is the one that was asked for: an older or foreign one that is replayed with
 * its own good signature is refused here.
 *
 * version, image:  ids that are wanted
 * number:          number that is wanted; 0: any
 *
 * Errors: BERTH_ERR_REPLAYED with a sentence.
 */
bool berth_version_manifest_is_for(const BerthVersionManifest *self, const BerthId *version,
                                   const BerthId *image, int64_t number, GError **error);

/*
 * Reads the machine settings that a person gives (an import, a draft): every key may be missing.
 *
 * object:  NULL is all defaults
 *
 * Errors: BERTH_ERR_INVALID for a key or value that is not known.
 */
bool berth_version_machine_parse(const json_t *object, BerthVersionMachine *ret, GError **error);

/* The settings as a new JSON object with every key. */
json_t *berth_version_machine_to_json(const BerthVersionMachine *self);

/* Frees the strings and zeroes the value. */
void berth_version_machine_clear(BerthVersionMachine *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BerthVersionMachine, berth_version_machine_clear)

/* "disk", "kernel", "initrd". */
const char *berth_version_role_name(BerthVersionFileRole role);

/* Bytes of all files together, holes among them. */
uint64_t berth_version_manifest_size_bytes(const BerthVersionManifest *self);
