/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The markers in front of the first scan are walked here, before the codec sees the bytes, because
 * the codec itself would accept pictures of any size and a scan script that makes it go over the
 * whole picture hundreds of times.  One scan with all components cannot be followed by another.
 */
#include "display/decode/photo-decoder.h"

#include "base/bytes-reader.h"
#include "berth/errors.h"
#include "berth/limits.h"

#include <glib.h>
#include <stdbool.h>
#include <turbojpeg.h>

/* Second bytes of the markers that may come before the scan's data (ITU T.81, table B.1). */
#define MARKER_SOF_BASELINE 0xc0
#define MARKER_SOF_EXTENDED 0xc1
#define MARKER_DHT 0xc4
#define MARKER_SOI 0xd8
#define MARKER_SOS 0xda
#define MARKER_DQT 0xdb
#define MARKER_DRI 0xdd
#define MARKER_APP_FIRST 0xe0
#define MARKER_APP_LAST 0xef
#define MARKER_COM 0xfe
/* Segments in front of the scan; a usual picture has about eight. */
#define MAX_SEGMENTS 32

struct BerthPhotoDecoder {
    tjhandle codec; /* NULL before the first picture and after a bad one */
};

BerthPhotoDecoder *
berth_photo_decoder_new(void)
{
    return g_try_new0(BerthPhotoDecoder, 1);
}

void
berth_photo_decoder_free(BerthPhotoDecoder *self)
{
    if (self != NULL) {
        tjDestroy(self->codec);
        g_free(self);
    }
}

static unsigned
get_u16_big_endian(BerthReader *reader)
{
    unsigned high = berth_reader_get_u8(reader);
    return high << 8 | berth_reader_get_u8(reader);
}

/* What neither changes the kind of the picture nor its size. */
static bool
is_harmless_marker(uint8_t marker)
{
    return marker == MARKER_DHT || marker == MARKER_DQT || marker == MARKER_DRI ||
           marker == MARKER_COM || (marker >= MARKER_APP_FIRST && marker <= MARKER_APP_LAST);
}

/* Reads a frame header; returns the number of components, 0 if it is not allowed. */
static unsigned
read_frame_header(BerthReader *segment, BerthRect rect)
{
    unsigned bits = berth_reader_get_u8(segment);
    unsigned height = get_u16_big_endian(segment);
    unsigned width = get_u16_big_endian(segment);
    unsigned n_components = berth_reader_get_u8(segment);
    if (bits != 8 || height != (unsigned)rect.h || width != (unsigned)rect.w ||
        (n_components != 1 && n_components != 3)) {
        return 0;
    }
    for (unsigned i = 0; i < n_components; i++) {
        berth_reader_get_u8(segment); /* its name */
        unsigned sampling = berth_reader_get_u8(segment);
        berth_reader_get_u8(segment); /* its quantisation table */
        unsigned across = sampling >> 4;
        unsigned down = sampling & 15;
        if (across < 1 || across > 2 || down < 1 || down > 2) {
            return 0;
        }
    }
    return berth_reader_finish(segment) == BERTH_OK ? n_components : 0;
}

/* Takes one marker with its segment off the reader; false if there is none. */
static bool
read_segment(BerthReader *reader, uint8_t *ret_marker, BerthReader *ret_segment)
{
    uint8_t prefix = berth_reader_get_u8(reader);
    *ret_marker = berth_reader_get_u8(reader);
    unsigned segment_bytes = get_u16_big_endian(reader);
    if (prefix != 0xff || segment_bytes < 2) {
        return false;
    }
    const uint8_t *bytes = berth_reader_get_bytes_direct(reader, segment_bytes - 2);
    berth_reader_init(ret_segment, bytes, bytes != NULL ? segment_bytes - 2 : 0);
    return bytes != NULL;
}

/* True if the bytes begin as a baseline picture of the rectangle's size in a single scan. */
static bool
check_headers(const uint8_t *data, size_t len, BerthRect rect)
{
    BerthReader reader, segment;
    uint8_t marker;
    unsigned n_components = 0;
    berth_reader_init(&reader, data, len);
    if (get_u16_big_endian(&reader) != (0xff00 | MARKER_SOI)) {
        return false;
    }
    for (int i = 0; i < MAX_SEGMENTS && read_segment(&reader, &marker, &segment); i++) {
        if (marker == MARKER_SOS) {
            return n_components > 0 && berth_reader_get_u8(&segment) == n_components;
        }
        bool is_frame = marker == MARKER_SOF_BASELINE || marker == MARKER_SOF_EXTENDED;
        if (is_frame && n_components == 0) {
            n_components = read_frame_header(&segment, rect);
            if (n_components == 0) {
                return false;
            }
        } else if (!is_harmless_marker(marker)) {
            return false;
        }
    }
    return false;
}

/* Runs the codec over a picture whose headers are good. */
static bool
run_codec(BerthPhotoDecoder *self, const uint8_t *data, size_t len, BerthFrame *canvas,
          BerthRect rect)
{
    int width, height, subsampling, colours;
    if (tjDecompressHeader3(self->codec, data, (unsigned long)len, &width, &height, &subsampling,
                            &colours) != 0 ||
        width != rect.w || height != rect.h) {
        return false;
    }
    /* BGRA writes the X byte that a frame promises, 0xff. */
    return tjDecompress2(self->codec, data, (unsigned long)len,
                         berth_frame_pixel(canvas, rect.x, rect.y), rect.w,
                         (int)canvas->stride_bytes, rect.h, TJPF_BGRA,
                         TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) == 0;
}

int
berth_photo_decoder_decode(BerthPhotoDecoder *self, const uint8_t *data, size_t len,
                           BerthFrame *canvas, BerthRect rect)
{
    g_return_val_if_fail(berth_rect_is_inside(rect, canvas->width, canvas->height),
                         BERTH_ERR_INVALID);
    if (len > BERTH_LIMIT_PHOTO_BYTES ||
        berth_rect_area_px(rect) > (int64_t)BERTH_LIMIT_PHOTO_AREA_PX) {
        return BERTH_ERR_TOO_LARGE;
    }
    if (!check_headers(data, len, rect)) {
        return BERTH_ERR_CORRUPT;
    }
    if (self->codec == NULL) {
        self->codec = tjInitDecompress();
    }
    if (self->codec == NULL || !run_codec(self, data, len, canvas, rect)) {
        /* The codec is not usable after an error in a header. */
        tjDestroy(self->codec);
        self->codec = NULL;
        return BERTH_ERR_CORRUPT;
    }
    return BERTH_OK;
}
