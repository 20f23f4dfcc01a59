/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A version of an image that the broker wants on this host, read from "images" of the desired
 * state, and the checks that come before a byte of it is fetched.  Pure.  Thread: any.
 */
#pragma once

#include "base/depot/version-manifest.h"
#include "display/transport/tcp.h"
#include "display/transport/ticket.h"

#include <glib.h>
#include <jansson.h>

/* Addresses that are asked for one version. */
#define BERTH_IMAGE_SOURCES_MAX 16

typedef struct {
    BerthId version;
    BerthVersionManifest manifest;
    char *text; /* canonical, which is what is signed */
    uint8_t signature[BERTH_STATEMENT_SIGNATURE_BYTES];
    GArray *sources; /* of BerthAddress, the best first */
    int64_t kbps;    /* 0: no limit */
} BerthImageWish;

/* The id alone, so that a wish that cannot be read can be reported.  Errors: BERTH_ERR_INVALID. */
int berth_image_wish_read_id(const json_t *object, BerthId *ret);

/*
 * Reads a wish; a source that is no address is left out.
 *
 * ret:  filled on success only; clear it with berth_image_wish_clear()
 *
 * Errors: BERTH_ERR_INVALID, those of berth_version_manifest_parse().
 */
bool berth_image_wish_parse(const json_t *object, BerthImageWish *ret, GError **error);

/*
 * Whether it is what it says: signed by one of the site's keys, and the manifest of that very
 * version, so that an older one cannot be put in its place.
 *
 * keys:  of BerthTicketKey
 *
 * Errors: BERTH_ERR_UNTRUSTED, BERTH_ERR_REPLAYED, with a sentence.
 */
bool berth_image_wish_check(const BerthImageWish *self, const GArray *keys, GError **error);

/* Frees what it owns and zeroes it. */
void berth_image_wish_clear(BerthImageWish *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BerthImageWish, berth_image_wish_clear)
