/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Imports of images, and which files of the depot are wanted.
 */
#pragma once

#define BERTH_STATEMENTS_DEPOT(X)                                                            \
    X(IMPORT_OF_UPLOAD, "SELECT o.id, v.id, o.state FROM operation o "                       \
                        "JOIN image_version v ON v.operation = o.id "                        \
                        "WHERE o.object = ?1 AND o.kind = 'image.import' "                   \
                        "ORDER BY o.created_us DESC, o.id LIMIT 1")                          \
    X(IMAGE_NAME, "SELECT name FROM image WHERE id = ?1")                                    \
    X(VERSION_NUMBER, "SELECT number FROM image_version WHERE id = ?1")                      \
    X(DEPOT_LET_GO, "DELETE FROM image_replica WHERE place = ?1 AND version IN "             \
                    "(SELECT id FROM image_version WHERE state IN ('deleting', 'deleted'))") \
    X(DEPOT_VERSIONS_WITH, "SELECT count(*) FROM image_version v "                           \
                           "JOIN image_replica r ON r.version = v.id AND r.place = ?2 "      \
                           "WHERE v.manifest LIKE '%' || ?1 || '%'")
