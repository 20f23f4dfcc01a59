/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images, their versions and tags.
 */
#include "broker/api/handlers.h"
#include "broker/api/page.h"
#include "broker/api/router.h"

#define CHANGELOG_BYTES 4096

static const BerthQueryField page_query[] = { BERTH_QUERY_PAGE };
static const BerthBodyField image_fields[] = {
    BERTH_FIELD_TEXT("name", true, 1, BERTH_LIMIT_NAME_BYTES, "name, unique"),
    BERTH_FIELD_OBJECT("manifest", false,
                       "manifest of files that are on the hosts already; versions have their own"),
    BERTH_FIELD_TEXT("description", false, 0, CHANGELOG_BYTES, "words for people"),
    BERTH_FIELD_INT("keep_versions", false, 0, 1000, "youngest versions that are kept unused"),
};
static const BerthBodyField image_changes[] = {
    BERTH_FIELD_TEXT("name", false, 1, BERTH_LIMIT_NAME_BYTES, "name, unique"),
    BERTH_FIELD_OBJECT("manifest", false, "manifest, while no machine runs the image"),
    BERTH_FIELD_TEXT("description", false, 0, CHANGELOG_BYTES, "words for people"),
    BERTH_FIELD_INT("keep_versions", false, 0, 1000, "youngest versions that are kept unused"),
};
static const BerthBodyField version_fields[] = {
    BERTH_FIELD_TEXT("changelog", false, 0, CHANGELOG_BYTES, "what is new in it"),
    BERTH_FIELD_TEXT("parent", false, 1, BERTH_ID_HEX_CHARS,
                     "number or id of the version that it is made from"),
};
static const BerthBodyField version_changes[] = {
    BERTH_FIELD_TEXT("changelog", true, 0, CHANGELOG_BYTES, "what is new in it"),
};
static const BerthBodyField tag_fields[] = {
    BERTH_FIELD_TEXT("version", true, 1, BERTH_ID_HEX_CHARS, "number or id of a version"),
};
static const BerthBodyField gc_fields[] = {
    BERTH_FIELD_TEXT("image", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of the only image"),
    BERTH_FIELD_BOOL("dry_run", false, "tell what would go, and let nothing go"),
};

/* 1 Tbit/s: more is a mistake. */
#define MAX_KBPS 1000000000
static const BerthBodyField limit_fields[] = {
    BERTH_FIELD_INT("kbps", true, 0, MAX_KBPS, "kilobits a second for each host, 0 is no limit"),
};

#define NUMBERED "/v1/images/{id}/versions/{part}"

const BerthRoute berth_routes_images[] = {
    { BERTH_GET_SLOW("/v1/images", IMAGE_READ, ANY, berth_handle_list_images),
      BERTH_QUERY(page_query), .answer = "ImageList", .doc = "images" },
    { BERTH_WRITE("POST", "/v1/images", IMAGE_WRITE, IMAGES, berth_handle_add_image, 201),
      BERTH_FIELDS(image_fields), .answer = "Added", .doc = "makes an image known" },
    { BERTH_GET("/v1/images/{id}", IMAGE_READ, IMAGE, berth_handle_get_image), .answer = "Image",
      .doc = "an image" },
    { BERTH_WRITE("PATCH", "/v1/images/{id}", IMAGE_WRITE, IMAGE, berth_handle_change_image, 200),
      BERTH_FIELDS(image_changes), .needs_match = true, .answer = "Image",
      .doc = "changes an image" },
    { BERTH_WRITE("DELETE", "/v1/images/{id}", IMAGE_WRITE, IMAGE, berth_handle_remove_image, 204),
      .doc = "removes an image that nothing uses and that has no versions" },

    { BERTH_GET("/v1/images/{id}/versions", IMAGE_READ, IMAGE, berth_handle_list_versions),
      .answer = "VersionList", .doc = "versions of an image, the youngest first" },
    { BERTH_WRITE("POST", "/v1/images/{id}/versions", IMAGE_WRITE, IMAGE, berth_handle_add_version,
                  201),
      BERTH_FIELDS(version_fields), .answer = "NewVersion", .doc = "drafts a version" },
    { BERTH_GET("/v1/image-versions/{id}", IMAGE_READ, IMAGE_VERSION, berth_handle_get_version),
      .answer = "Version", .doc = "a version: where it is, who runs it, its signed manifest" },
    { BERTH_WRITE("PATCH", "/v1/image-versions/{id}", IMAGE_WRITE, IMAGE_VERSION,
                  berth_handle_change_version, 200),
      BERTH_FIELDS(version_changes), .answer = "Version",
      .doc = "changes the words about a version" },
    { BERTH_WRITE("DELETE", "/v1/image-versions/{id}", IMAGE_WRITE, IMAGE_VERSION,
                  berth_handle_remove_version, 204),
      .doc = "lets a version go that nothing uses; its files leave the hosts" },
    { BERTH_WRITE("POST", "/v1/image-versions/{id}/retire", IMAGE_WRITE, IMAGE_VERSION,
                  berth_handle_retire_version, 204),
      .doc = "makes no new machines of a version" },
    { BERTH_WRITE("POST", "/v1/image-versions/{id}/revive", IMAGE_WRITE, IMAGE_VERSION,
                  berth_handle_revive_version, 204),
      .doc = "makes a retired version available again" },
    { BERTH_GET(NUMBERED, IMAGE_READ, IMAGE, berth_handle_get_version_of_image),
      .answer = "Version", .doc = "a version by its number" },
    { BERTH_WRITE("DELETE", NUMBERED, IMAGE_WRITE, IMAGE, berth_handle_remove_version_of_image,
                  204),
      .doc = "lets a version go, by its number" },
    { BERTH_WRITE("POST", NUMBERED "/retire", IMAGE_WRITE, IMAGE,
                  berth_handle_retire_version_of_image, 204),
      .doc = "makes no new machines of a version, by its number" },
    { BERTH_WRITE("POST", NUMBERED "/revive", IMAGE_WRITE, IMAGE,
                  berth_handle_revive_version_of_image, 204),
      .doc = "makes a retired version available again, by its number" },

    { BERTH_GET("/v1/images/{id}/tags", IMAGE_READ, IMAGE, berth_handle_list_tags),
      .answer = "TagList", .doc = "tags of an image" },
    { BERTH_WRITE("PUT", "/v1/images/{id}/tags/{part}", IMAGE_WRITE, IMAGE, berth_handle_set_tag,
                  204),
      BERTH_FIELDS(tag_fields), .doc = "moves a tag to a version; pools with machines stay" },
    { BERTH_WRITE("DELETE", "/v1/images/{id}/tags/{part}", IMAGE_WRITE, IMAGE,
                  berth_handle_remove_tag, 204),
      .doc = "removes a tag that no pool goes by" },
    { BERTH_GET("/v1/image-limit", IMAGE_READ, IMAGES, berth_handle_get_image_limit),
      .answer = "ImageLimit", .doc = "how fast each host may fetch images" },
    { BERTH_WRITE("PUT", "/v1/image-limit", IMAGE_WRITE, IMAGES, berth_handle_set_image_limit, 204),
      BERTH_FIELDS(limit_fields), .doc = "says how fast each host may fetch images" },
    { BERTH_WRITE("POST", "/v1/image-gc", IMAGE_WRITE, IMAGES, berth_handle_image_gc, 200),
      BERTH_FIELDS(gc_fields), .answer = "ImageGc",
      .doc = "lets versions go that nobody uses, beyond those that are kept; tells what is freed" },
};
const size_t berth_n_routes_images = G_N_ELEMENTS(berth_routes_images);
