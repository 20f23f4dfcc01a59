/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records a session into a file: a viewer without a link (docs/RECORDING.md).
 *
 * It sits in the frame room and never drives while a user is there, gets what every viewer gets,
 * and gives it to the disk in a thread of its own.  Every ten seconds of activity it begins a new
 * stream, with whole pictures: a place to start playing from.  A disk that is slow makes it skip
 * frames as a slow client does; one that is full ends the recording, never the session.
 *
 * Thread: main.
 */
#pragma once

#include "host-agent/session/frame-room.h"
#include "host-agent/session/heads.h"

#include "berth/ids.h"

#include <glib.h>

typedef struct BerthRecorder BerthRecorder;

/*
 * Called once when the recording has ended by itself; the recorder is to be freed later, not
 * inside.  text: a sentence that says why, borrowed.
 */
typedef void (*BerthRecorderEndedFunc)(const char *text, void *user_data);

/*
 * Begins to record.
 *
 * heads, room: borrowed, must outlive it
 * fd:          of an empty file, open for writing; taken, also on error
 *
 * NULL if the room has no place.
 */
BerthRecorder *berth_recorder_new(BerthHeads *heads, BerthFrameRoom *room, int fd,
                                  const BerthId *session, BerthRecorderEndedFunc ended,
                                  void *user_data);

/* Completes the file and frees; waits for the disk.  NULL is allowed. */
void berth_recorder_free(BerthRecorder *self);

/* A head's screen was taken: its pointer may have changed.  changes: of berth_screen_take(). */
void berth_recorder_note_changes(BerthRecorder *self, int head, unsigned changes);
