/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers of the display protocol between client and session.  docs/PROTOCOL.md is the authority;
 * display/wire/message-table.c holds direction, states and lengths of each message.
 */
#pragma once

#define BERTH_PROTOCOL_MAGIC 0x48545242u /* "BRTH" in memory order */
#define BERTH_PROTOCOL_VERSION_MIN 2
#define BERTH_PROTOCOL_VERSION_MAX 2
#define BERTH_PROTOCOL_ALPN "berth/1"
/* Server names: <session id>.<host id>.session.berth */
#define BERTH_PROTOCOL_SNI_SUFFIX ".session.berth"
#define BERTH_PROTOCOL_HEADER_BYTES 8

/* Header flag: more fragments of this message follow on the same channel. */
#define BERTH_FLAG_MORE 0x0001u

typedef enum {
    BERTH_CHANNEL_CONTROL = 0,
    BERTH_CHANNEL_DISPLAY = 1,
    BERTH_CHANNEL_CURSOR = 2,
    BERTH_CHANNEL_INPUT = 3,
    BERTH_CHANNEL_AUDIO_OUT = 4,
    BERTH_CHANNEL_AUDIO_IN = 5,
    BERTH_CHANNEL_CLIPBOARD = 6,
    BERTH_CHANNEL_FILES = 7,
    BERTH_CHANNEL_USB = 8,
    BERTH_CHANNEL_APPS = 9,
    BERTH_N_CHANNELS = 10,
} BerthChannel;

/* Control channel. */
typedef enum {
    BERTH_MSG_HELLO = 1,
    BERTH_MSG_AUTH = 2,
    BERTH_MSG_WELCOME = 3,
    BERTH_MSG_PING = 4,
    BERTH_MSG_PONG = 5,
    BERTH_MSG_BYE = 6,
    BERTH_MSG_SHADOW_ASK = 7,
    BERTH_MSG_SHADOW_ANSWER = 8,
    BERTH_MSG_VIEWERS = 9,
    BERTH_MSG_NOTICE = 10, /* to who offered BERTH_CAP_NOTICE */
    /* To who offered BERTH_CAP_STATISTICS: */
    BERTH_MSG_INPUT_TIMES = 11,
    BERTH_MSG_HOST_STATE = 12,
} BerthControlMessage;

/* Display channel: 1..15 session to client, 16.. client to session. */
typedef enum {
    BERTH_MSG_HEAD_CONFIG = 1,
    BERTH_MSG_FRAME_BEGIN = 2,
    BERTH_MSG_COPY = 3,
    BERTH_MSG_FILL = 4,
    BERTH_MSG_CACHED = 5,
    BERTH_MSG_EXACT = 6,
    BERTH_MSG_PHOTO = 7,
    BERTH_MSG_VIDEO = 8,
    BERTH_MSG_FRAME_END = 9,
    BERTH_MSG_VIDEO_OPEN = 10,
    BERTH_MSG_VIDEO_CLOSE = 11,
    BERTH_MSG_TILE_STORE = 12,
    BERTH_MSG_PICTURE_CHECK = 13,
    BERTH_MSG_FRAME_ACK = 16,
    BERTH_MSG_HEAD_REQUEST = 17,
    BERTH_MSG_REFRESH = 18,
} BerthDisplayMessage;

/* Cursor channel, session to client. */
typedef enum {
    BERTH_MSG_CURSOR_DEFINE = 1,
    BERTH_MSG_CURSOR_SET = 2,
    BERTH_MSG_CURSOR_HIDE = 3,
    BERTH_MSG_CURSOR_MOVE = 4,
} BerthCursorMessage;

/* Input channel: 1..15 client to session, 16.. session to client. */
typedef enum {
    BERTH_MSG_KEY = 1,
    BERTH_MSG_POINTER_ABS = 2,
    BERTH_MSG_POINTER_REL = 3,
    BERTH_MSG_BUTTON = 4,
    BERTH_MSG_WHEEL = 5,
    BERTH_MSG_RELEASE_ALL = 6,
    /* To who offered BERTH_CAP_INPUT for them: */
    BERTH_MSG_TEXT = 7,
    BERTH_MSG_LOCKS = 8,
    BERTH_MSG_LAYOUT = 9,
    BERTH_MSG_TOUCH = 10,
    BERTH_MSG_LEDS = 16,
    BERTH_MSG_POINTER_MODE = 17,
} BerthInputMessage;

/* Channel audio-out: 1..15 session to client, 16.. client to session. */
typedef enum {
    BERTH_MSG_SOUND_OPEN = 1, /* all to who offered BERTH_CAP_AUDIO */
    BERTH_MSG_SOUND_DATA = 2,
    BERTH_MSG_SOUND_CLOSE = 3,
    BERTH_MSG_SOUND_STATE = 4,
    BERTH_MSG_SOUND_WANTED = 16,
    BERTH_MSG_SOUND_LEVEL = 17,
} BerthAudioOutMessage;

/* Channel audio-in, client to session. */
typedef enum {
    BERTH_MSG_MIC_OPEN = 1,
    BERTH_MSG_MIC_DATA = 2,
    BERTH_MSG_MIC_CLOSE = 3,
} BerthAudioInMessage;

/* Clipboard channel: 1..15 both ways, 16.. session to client; to who offered
 * BERTH_CAP_CLIPBOARD. */
typedef enum {
    BERTH_MSG_CLIPBOARD_GRAB = 1,
    BERTH_MSG_CLIPBOARD_REQUEST = 2,
    BERTH_MSG_CLIPBOARD_DATA = 3,
    BERTH_MSG_CLIPBOARD_RELEASE = 4,
    BERTH_MSG_CLIPBOARD_STATE = 16,
} BerthClipboardMessage;

/* Files channel; to who offered BERTH_CAP_FILES. */
typedef enum {
    BERTH_MSG_FILE_OFFER = 1,
    BERTH_MSG_FILE_ANSWER = 2,
    BERTH_MSG_FILE_DATA = 3,
    BERTH_MSG_FILE_ACK = 4,
    BERTH_MSG_FILE_CANCEL = 5,
    /* To and from who offered BERTH_CAP_FILES_TAKEN: */
    BERTH_MSG_FILE_TAKE = 6,
    BERTH_MSG_FILE_TAKE_ACK = 7,
    BERTH_MSG_FILE_STATE = 16,
    BERTH_MSG_FILE_GIVE = 17,
    BERTH_MSG_FILE_GIVE_DATA = 18,
    BERTH_MSG_FILE_GIVE_END = 19,
} BerthFilesMessage;

/* How a client proves itself in AUTH. */
typedef enum {
    BERTH_AUTH_TICKET = 1,
    BERTH_AUTH_RECONNECT = 2,
    BERTH_AUTH_SHARE = 3, /* the token of a display that its owner shares directly */
} BerthAuthKind;

/* Capability TLVs of HELLO.  Unknown ones are skipped. */
typedef enum {
    BERTH_CAP_EXACT_ZSTD = 1,    /* u8 window log that the decoder accepts */
    BERTH_CAP_CURSOR_SHAPES = 2, /* u16 shapes that the client remembers */
    BERTH_CAP_CLIENT_NAME = 3,   /* UTF-8, for logs and statistics */
    BERTH_CAP_MAX_HEAD = 4,      /* u16 width, u16 height in pixels */
    BERTH_CAP_TILE_CACHE = 5,    /* u16 tiles that the client keeps */
    BERTH_CAP_GRADIENT_ZSTD = 6, /* u8 window log of the gradient stream */
    BERTH_CAP_PHOTO = 7,         /* u8 mask of BERTH_PHOTO_BIT() */
    BERTH_CAP_VIDEO = 8,         /* u8 mask of BERTH_VIDEO_BIT() */
    BERTH_CAP_NOTICE = 9,        /* u8 1: the client shows notices */
    BERTH_CAP_CLIPBOARD = 10,    /* u8 mask of BERTH_CLIPBOARD_BIT() that the client takes */
    BERTH_CAP_FILES = 11,        /* u8 1: the client sends files */
    BERTH_CAP_AUDIO = 12,        /* u8 mask of BERTH_AUDIO_* */
    BERTH_CAP_INPUT = 13,        /* u8 mask of BERTH_INPUT_BIT() that the session takes */
    BERTH_CAP_FILES_TAKEN = 14,  /* u8 1: the client takes files */
    BERTH_CAP_STATISTICS = 15,   /* u8 1: the client shows statistics */
} BerthCapability;

/* Bit of an input message in the capability INPUT. */
#define BERTH_INPUT_BIT(type) (1u << ((type)-BERTH_MSG_TEXT))

/* What a finger does. */
typedef enum {
    BERTH_TOUCH_DOWN = 0,
    BERTH_TOUCH_MOVE = 1,
    BERTH_TOUCH_UP = 2,
    BERTH_TOUCH_CANCEL = 3, /* it is gone, and what it did shall not count */
    BERTH_N_TOUCH_PHASES = 4,
} BerthTouchPhase;

/* The zstd streams of EXACT, one context each for the life of a connection. */
typedef enum {
    BERTH_EXACT_PLAIN = 0,    /* pixels as they are */
    BERTH_EXACT_GRADIENT = 1, /* what a prediction from the neighbours leaves */
    BERTH_N_EXACT_STREAMS = 2,
} BerthExactStreamKind;

/* Codecs of PHOTO, and their bits in the capability. */
typedef enum {
    BERTH_PHOTO_JPEG = 1,
} BerthPhotoCodec;

#define BERTH_PHOTO_BIT(codec) (1u << ((codec)-1))

/* Codecs of VIDEO_OPEN, and their bits in the capability. */
typedef enum {
    BERTH_VIDEO_VP9_420 = 1,
    BERTH_VIDEO_VP9_444 = 2,
    BERTH_VIDEO_VP8 = 3,
} BerthVideoCodec;

#define BERTH_VIDEO_BIT(codec) (1u << ((codec)-1))

/* What the capability AUDIO offers. */
#define BERTH_AUDIO_PLAYS 0x1u   /* Opus can be decoded and heard */
#define BERTH_AUDIO_RECORDS 0x2u /* there may be a microphone */
#define BERTH_AUDIO_ALL (BERTH_AUDIO_PLAYS | BERTH_AUDIO_RECORDS)

/* Codecs of SOUND_OPEN and MIC_OPEN. */
typedef enum {
    BERTH_SOUND_OPUS = 1,
} BerthSoundCodec;

/* What SOUND_STATE says. */
#define BERTH_SOUND_MAY_PLAY 0x1u   /* the policy lets sound out */
#define BERTH_SOUND_MAY_RECORD 0x2u /* and the microphone in */
#define BERTH_SOUND_RECORDS 0x4u    /* something in the desktop listens now */
#define BERTH_SOUND_ALL (BERTH_SOUND_MAY_PLAY | BERTH_SOUND_MAY_RECORD | BERTH_SOUND_RECORDS)

/* The two clipboards of a desktop. */
typedef enum {
    BERTH_SELECTION_CLIPBOARD = 0, /* what "copy" fills */
    BERTH_SELECTION_PRIMARY = 1,   /* what is marked */
    BERTH_N_SELECTIONS = 2,
} BerthSelection;

/* What a clipboard holds, and the bits in capability and CLIPBOARD_STATE. */
typedef enum {
    BERTH_CLIPBOARD_TEXT = 1, /* UTF-8, lines end with a newline alone */
    BERTH_CLIPBOARD_PNG = 2,
    BERTH_CLIPBOARD_HTML = 3, /* UTF-8 */
    BERTH_N_CLIPBOARD_TYPES = 3,
} BerthClipboardType;

#define BERTH_CLIPBOARD_BIT(type) (1u << ((type)-1))

/* Flags of CLIPBOARD_STATE and FILE_STATE. */
#define BERTH_SHARE_TO_GUEST 0x1u
#define BERTH_SHARE_FROM_GUEST 0x2u
#define BERTH_SHARE_AGENT 0x4u /* the guest's agent is there */
#define BERTH_SHARE_ALL (BERTH_SHARE_TO_GUEST | BERTH_SHARE_FROM_GUEST | BERTH_SHARE_AGENT)

/* How a CLIPBOARD_DATA answers. */
typedef enum {
    BERTH_CLIPBOARD_OK = 0,
    BERTH_CLIPBOARD_GONE = 1,
    BERTH_CLIPBOARD_REFUSED = 2, /* by policy */
    BERTH_CLIPBOARD_TOO_LARGE = 3,
    BERTH_CLIPBOARD_FAILED = 4,
    BERTH_N_CLIPBOARD_STATUS = 5,
} BerthClipboardStatus;

/* Flag of CLIPBOARD_DATA: nothing more comes. */
#define BERTH_CLIPBOARD_LAST 0x1u

/* How a FILE_ANSWER answers. */
typedef enum {
    BERTH_FILE_SEND = 0,
    BERTH_FILE_CANCELLED = 1,
    BERTH_FILE_FAILED = 2,
    BERTH_FILE_DONE = 3,
    BERTH_FILE_NO_SPACE = 4,
    BERTH_FILE_LOCKED = 5, /* the guest's screen is locked, or nobody is logged on */
    BERTH_FILE_NO_AGENT = 6,
    BERTH_FILE_NOT_ALLOWED = 7,
    BERTH_FILE_TOO_LARGE = 8,
    BERTH_FILE_BUSY = 9,
    BERTH_N_FILE_STATUS = 10,
} BerthFileStatus;

/* What somebody who wants to watch asks the owner of a session for. */
typedef enum {
    BERTH_SHADOW_VIEW = 1,
    BERTH_SHADOW_CONTROL = 2,
} BerthShadowMode;

/* Why a client asks for a whole picture. */
typedef enum {
    BERTH_REFRESH_ASKED = 0,
    BERTH_REFRESH_CHECK_FAILED = 1, /* a PICTURE_CHECK did not agree */
} BerthRefreshReason;

/* Mouse buttons on the wire (evdev order). */
typedef enum {
    BERTH_BUTTON_LEFT = 0,
    BERTH_BUTTON_MIDDLE = 1,
    BERTH_BUTTON_RIGHT = 2,
    BERTH_BUTTON_SIDE = 3,
    BERTH_BUTTON_EXTRA = 4,
    BERTH_N_BUTTONS = 5,
} BerthButton;

/* Lock keys in LEDS (same bits as QEMU's keyboard modifiers). */
#define BERTH_LED_SCROLL 0x1u
#define BERTH_LED_NUM 0x2u
#define BERTH_LED_CAPS 0x4u

/* Rights in a ticket and in WELCOME. */
#define BERTH_RIGHT_INPUT 0x1u  /* may send keys and pointer */
#define BERTH_RIGHT_RESIZE 0x2u /* may ask for a head size */
/* An observer: takes nobody's place.  With INPUT it may control once the owner consents. */
#define BERTH_RIGHT_OBSERVE 0x4u
#define BERTH_RIGHT_SCREENSHOT 0x8u /* may save pictures of the desktop */
#define BERTH_RIGHTS_ALL \
    (BERTH_RIGHT_INPUT | BERTH_RIGHT_RESIZE | BERTH_RIGHT_OBSERVE | BERTH_RIGHT_SCREENSHOT)
