/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The manifest of a golden image: which files it has and what a desktop from it needs.
 *
 * File names are plain names inside the image folder; a manifest that says otherwise is refused.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define BERTH_MANIFEST_CMDLINE_BYTES 2000
#define BERTH_MANIFEST_PREPARE_BYTES 6000

typedef enum {
    BERTH_READY_GUEST_AGENT, /* the QEMU guest agent answers */
    BERTH_READY_DISPLAY,     /* the console shows a picture of at least width x height */
} BerthReadySignal;

typedef struct {
    char *name;
    char *format;                        /* of the disk: "qcow2" or "raw" */
    char *disk;                          /* NULL: no disk */
    char *sha256;                        /* of the disk; NULL: not given */
    char *kernel;                        /* NULL: boots from the disk */
    char *initrd;                        /* NULL: none */
    char *kernel_sha256, *initrd_sha256; /* NULL: not given */
    char *cmdline;                       /* NULL: none */
    char *prepare; /* shell script run before a RAM template is frozen; NULL */
    int memory_mib, vcpus;
    int width, height; /* pixels that the guest is offered first */
    BerthReadySignal ready;
    bool wants_gpu; /* its card is a berth-gpu where that runs */
} BerthManifest;

/* Reads a manifest.  ret is filled on success only; clear it with berth_manifest_clear(). */
bool berth_manifest_parse(const json_t *object, BerthManifest *ret, GError **error);

/* The manifest as a new JSON object. */
json_t *berth_manifest_to_json(const BerthManifest *self);

/* Frees the strings and zeroes the value. */
void berth_manifest_clear(BerthManifest *self);

/* Copies src into ret, which must be clear. */
void berth_manifest_copy(const BerthManifest *src, BerthManifest *ret);
