/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Imports of images, and which files of the depot are wanted.
 */
#pragma once

#define BERTH_STATEMENTS_DEPOT(X)                                                        \
    X(IMPORT_OF_UPLOAD, "SELECT o.id, v.id, o.state FROM operation o "                   \
                        "JOIN image_version v ON v.operation = o.id "                    \
                        "WHERE o.object = ?1 AND o.kind = 'image.import' "               \
                        "ORDER BY o.created_us DESC, o.id LIMIT 1")                      \
    X(IMAGE_NAME, "SELECT name FROM image WHERE id = ?1")                                \
    X(VERSION_NUMBER, "SELECT number FROM image_version WHERE id = ?1")                  \
    X(VERSIONS_WITH_ROOT, "SELECT count(*) FROM image_version WHERE state <> 'deleted' " \
                          "AND manifest LIKE '%' || ?1 || '%'")
