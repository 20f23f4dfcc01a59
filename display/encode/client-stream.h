/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes plans as display messages for one viewer: what is its own and cannot be shared.
 *
 * That is the zstd streams, which live as long as the connection, what the viewer's tiles show
 * inexactly, and where it may show something else than the planner's picture: its backlog.  That
 * is what it skipped, what did not fit into the budget of a frame, or all of it when it joins.  The
 * plan goes out as it is but for copies out of the backlog; then the backlog is worked off from
 * the planner's picture.  A viewer without backlog shows the planner's picture, but for tiles that
 * are refined later.
 *
 * An error is sticky: the stream and the client are no longer in step, the connection must end.
 * A client that connects anew gets a new stream.
 *
 * State for one viewer: the zstd contexts (10.3 MB at window log 23, 2.5 MB at 20, each), about
 * 1 MB of buffers, some bytes a tile.  Thread: one at a time.
 */
#pragma once

#include "display/encode/emit.h"
#include "display/encode/plan.h"

typedef struct BerthClientStream BerthClientStream;

/* What the viewer can decode, as its HELLO said. */
typedef struct {
    int window_log;          /* of the plain stream; over BERTH_LIMIT_ZSTD_WINDOW_LOG is lowered */
    int gradient_window_log; /* of the gradient stream; 0: it has none */
    unsigned n_cache_tiles;  /* tiles that it keeps; 0: none */
    uint8_t photo_mask;      /* BERTH_PHOTO_* */
    uint8_t video_mask;      /* BERTH_VIDEO_* */
} BerthClientCaps;

typedef struct {
    uint32_t frame_id;
    uint16_t head;         /* 0..BERTH_LIMIT_HEADS - 1, configured */
    uint32_t input_serial; /* last input given to the guest before the capture */
    int64_t capture_us;    /* clock of the session */
    size_t budget_bytes;   /* about so much; what does not fit becomes backlog.  0: no limit */
} BerthFrameInfo;

typedef struct {
    size_t n_bytes;    /* payload bytes of all messages of the frame */
    size_t n_messages; /* without FRAME_END */
    size_t n_copies;   /* COPY rectangles */
    size_t n_fills;    /* FILL rectangles */
    size_t n_exact;    /* EXACT rectangles */
    size_t n_cached;   /* CACHED tiles */
    size_t n_stored;   /* TILE_STORE tiles */
    int64_t copied_px;
    int64_t filled_px;
    int64_t exact_px;
    size_t n_photos;
    int64_t photo_px;
    size_t n_videos; /* VIDEO packets */
} BerthFrameStats;

/*
 * Makes a stream for a new connection.
 *
 * caps:  window logs under 10 are refused, but for a gradient_window_log of 0
 * level: zstd level, 1..9; 1 is for everything but very slow links
 *
 * Errors: NULL if a value is not allowed or memory ran out.
 */
BerthClientStream *berth_client_stream_new(const BerthClientCaps *caps, int level);

/* NULL is allowed. */
void berth_client_stream_free(BerthClientStream *self);

/*
 * Tells the client the size of a head: HEAD_CONFIG.  The client's picture is black afterwards.
 *
 * Errors: BERTH_ERR_INVALID (head, size), BERTH_ERR_NO_MEMORY, BERTH_ERR_STATE within a frame,
 * sticky errors, those of emit.
 */
int berth_client_stream_configure_head(BerthClientStream *self, uint16_t head, int width,
                                       int height, BerthMessageFunc emit, void *user_data);

/*
 * Writes one frame up to, but not including, FRAME_END.
 *
 * plan:      of a planner of the head's size, the newest that it made; its jobs have run
 * ret_stats: may be NULL
 *
 * A plan without any change emits FRAME_BEGIN alone: the client still learns input_serial.
 * Errors: BERTH_ERR_INVALID (sizes, head), BERTH_ERR_STATE if the last frame was not ended,
 * sticky errors, those of emit.
 */
int berth_client_stream_encode(BerthClientStream *self, const BerthPlan *plan,
                               const BerthFrameInfo *info, BerthMessageFunc emit, void *user_data,
                               BerthFrameStats *ret_stats);

/*
 * True if the client may show something else than the planner's picture: a frame with the newest
 * picture should follow as soon as there is room, even with an empty plan.
 */
bool berth_client_stream_has_backlog(const BerthClientStream *self, uint16_t head);

/*
 * Notes a plan that this viewer had no room for: what it changes becomes backlog.  Cheap.
 *
 * A plan that was neither encoded nor skipped makes everything backlog.
 */
void berth_client_stream_skip(BerthClientStream *self, uint16_t head, const BerthPlan *plan);

/*
 * Ends the frame: FRAME_END.
 *
 * encode_us: time that the encoding took, as the caller measured it; for statistics
 *
 * Errors: BERTH_ERR_STATE if there is no frame to end, sticky errors, those of emit.
 */
int berth_client_stream_end(BerthClientStream *self, uint32_t encode_us, BerthMessageFunc emit,
                            void *user_data);

/*
 * Makes the next frame of a head cover the whole picture, whatever the client is believed to
 * show: the answer to REFRESH.
 *
 * Errors: BERTH_ERR_INVALID if the head is not configured.
 */
int berth_client_stream_refresh(BerthClientStream *self, uint16_t head);

/* True if the viewer waits for a key frame: BerthPlanInput.needs_key of the next plan. */
bool berth_client_stream_needs_key(const BerthClientStream *self, uint16_t head);

/*
 * Sends a PICTURE_CHECK of all tiles that the viewer shows exactly: between frames only.
 *
 * plan: the newest plan of the head, which this viewer has taken
 *
 * Errors: BERTH_ERR_STATE if the viewer has a backlog or is within a frame, sticky errors, those
 * of emit.
 */
int berth_client_stream_check(BerthClientStream *self, const BerthPlan *plan, uint16_t head,
                              BerthMessageFunc emit, void *user_data);

/*
 * Tells when tiles that the viewer shows inexactly are to be refined.
 *
 * ret_due_us: on the clock of the plans; set on true only
 *
 * Returns false if every tile of the head is exact, or there is a backlog.
 */
bool berth_client_stream_get_refine_due(const BerthClientStream *self, uint16_t head,
                                        int64_t now_us, int64_t *ret_due_us);

/*
 * Writes a frame of better pixels for tiles that have been still, up to FRAME_END.  Nothing is
 * emitted if nothing is due: then there is no frame to end.
 *
 * plan:         the newest plan of the head, which this viewer has taken
 * x, y:         tiles near to it come first: the pointer; negative if not known
 * budget_bytes: about as many are written, but at least one tile
 * ret_is_begun: whether there is a frame to end
 *
 * Errors: those of berth_client_stream_encode(); BERTH_ERR_STATE if there is a backlog.
 */
int berth_client_stream_refine(BerthClientStream *self, const BerthPlan *plan,
                               const BerthFrameInfo *info, int64_t now_us, int x, int y,
                               size_t budget_bytes, BerthMessageFunc emit, void *user_data,
                               BerthFrameStats *ret_stats, bool *ret_is_begun);
