/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything a peer can make us allocate, wait for or repeat: number, unit, reason.
 */
#pragma once

/* Wire: bytes of payload in one fragment; small enough that a key never waits long behind pixels.
 */
#define BERTH_LIMIT_FRAGMENT_BYTES 16384u
/* Wire: bytes of one reassembled message; a full 4K exact frame that did not compress fits. */
#define BERTH_LIMIT_MESSAGE_BYTES (48u * 1024 * 1024)
/* Wire: bytes that may arrive before the peer is authenticated (HELLO, AUTH). */
#define BERTH_LIMIT_PREAUTH_BYTES 4096u
/* Wire: capability TLVs in a HELLO and bytes in one of them. */
#define BERTH_LIMIT_CAPABILITIES 64u
#define BERTH_LIMIT_CAPABILITY_BYTES 256u
/* Wire: microseconds from accepted TCP connection to end of TLS, and to a valid ticket. */
#define BERTH_LIMIT_TLS_HANDSHAKE_US (10LL * 1000 * 1000)
#define BERTH_LIMIT_AUTH_US (20LL * 1000 * 1000)
/* Wire: bytes waiting to be sent to one client before the session calls it stalled. */
#define BERTH_LIMIT_OUTPUT_QUEUE_BYTES (64u * 1024 * 1024)
/* Wire: bytes that a message waiting to be sent costs beside its payload; so that many empty ones
 * count, too. */
#define BERTH_LIMIT_OUTPUT_MESSAGE_COST_BYTES 128u
/* Wire: bytes of answers to PING that wait for a peer; one that asks and never reads is ended. */
#define BERTH_LIMIT_PONG_QUEUE_BYTES 1024u
/* Wire: bytes of human text in a BYE. */
#define BERTH_LIMIT_REASON_BYTES 256u

/* Display: pixels on a side of one head, in all of its area, and heads of a session. */
#define BERTH_LIMIT_HEAD_SIDE_PX 16384u
#define BERTH_LIMIT_HEAD_AREA_PX (32u * 1024 * 1024)
#define BERTH_LIMIT_HEADS 16u
/* Display: smallest guest size that a client may ask for. */
#define BERTH_LIMIT_HEAD_MIN_SIDE_PX 64u
/* Display: side of a tile. */
#define BERTH_LIMIT_TILE_PX 64u
/* Display: tiles of one head: the most that its area allows, 16321 x 2049 pixels. */
#define BERTH_LIMIT_HEAD_TILES 8448u
/* Display: tiles that a client may be told to keep, 16 KiB each. */
#define BERTH_LIMIT_CACHE_TILES 4096u
/* Display: rectangles or operations in one message. */
#define BERTH_LIMIT_RECTS_PER_MESSAGE 65536u
/* Display: log2 of the zstd window of the exact stream; 8 MiB measured best for office screens. */
#define BERTH_LIMIT_ZSTD_WINDOW_LOG 23
/* Display: log2 of the zstd window of the gradient stream: pictures repeat little. */
#define BERTH_LIMIT_GRADIENT_WINDOW_LOG 23
/* Display: pixels of one photo (16 MiB when decoded; larger ones are cut), and bytes of it. */
#define BERTH_LIMIT_PHOTO_AREA_PX (4u * 1024 * 1024)
#define BERTH_LIMIT_PHOTO_BYTES (16u * 1024 * 1024)
/* Display: videos at once, pixels of all that are open (one of 4096 x 2304), bytes of one packet,
 * and rectangles that one picture of a video leaves out. */
#define BERTH_LIMIT_VIDEO_STREAMS 4u
#define BERTH_LIMIT_VIDEO_AREA_PX (4096u * 2304)
#define BERTH_LIMIT_VIDEO_BYTES (16u * 1024 * 1024)
#define BERTH_LIMIT_VIDEO_KEEP_RECTS 1024u
/* Display: frames sent and not acknowledged. */
#define BERTH_LIMIT_FRAMES_IN_FLIGHT 2u
/* Recordings: places to start from in one file (a week of one each 10 s), and its length. */
#define BERTH_LIMIT_RECORDING_STREAMS 65536u
#define BERTH_LIMIT_RECORDING_US (31LL * 24 * 3600 * 1000 * 1000)
/* Cursor: pixels on a side; shapes that a client remembers. */
#define BERTH_LIMIT_CURSOR_SIDE_PX 256u
#define BERTH_LIMIT_CURSOR_SHAPES 64u
/* Input: messages a second from one client that are acted on; the rest is dropped. */
#define BERTH_LIMIT_INPUT_PER_SECOND 2000u
/* Bytes of UTF-8 in one TEXT message: more than an input method commits at once. */
#define BERTH_LIMIT_INPUT_TEXT_BYTES 256u
/* Characters that wait to be typed: a page; the guest's keyboard takes about 100 a second. */
#define BERTH_LIMIT_TYPED_CHARS 4096u
/* Input messages of one client that wait while the guest's agent types a text: half a second of the
 * quickest mouse; 540 bytes each. */
#define BERTH_LIMIT_INPUT_WAITING 512u
/* Bytes of each name in LAYOUT: the longest options in use are half of it. */
#define BERTH_LIMIT_LAYOUT_NAME_BYTES 128u
/* Fingers at once: as many as there are. */
#define BERTH_LIMIT_FINGERS 10u

/* Sound: bytes of one Opus packet (the longest that Opus itself makes for one frame). */
#define BERTH_LIMIT_SOUND_PACKET_BYTES 1275u
/* Sound: packets of a microphone in a second that are looked at, twice what is sent. */
#define BERTH_LIMIT_MIC_PACKETS_PER_S 200u
/* Clipboard and files: bytes of content in one message; a key never waits for more of them than
 * one fragment. */
#define BERTH_LIMIT_SHARE_DATA_BYTES 65536u
/* Clipboard: types of one GRAB, and KiB of one content: the most that a policy allows. */
#define BERTH_LIMIT_CLIPBOARD_TYPES 8u
#define BERTH_LIMIT_CLIPBOARD_KIB (64u * 1024)
/* Files: bytes of a name (what ext4 and NTFS take), of one file, transfers at once, and bytes sent
 * beyond what the guest has taken. */
#define BERTH_LIMIT_FILE_NAME_BYTES 255u
#define BERTH_LIMIT_FILE_BYTES (1ULL << 40)
#define BERTH_LIMIT_TRANSFERS 8u
/* Files: that wait in a client; a folder with more is refused. */
#define BERTH_LIMIT_DROPPED_FILES 4096u
/* Files: that wait in our agent of a guest, each with an open descriptor of the usual 1024; and
 * those of one berth-send whose ends it has not heard, which fit into the buffer of a socket. */
#define BERTH_LIMIT_GUEST_FILES 256u
#define BERTH_LIMIT_SEND_FILES 64u
#define BERTH_LIMIT_FILE_WINDOW_BYTES (1024u * 1024)

/* Guest services: bytes of a message of the guest's agent that is no clipboard content, and bytes
 * that may wait for an agent that does not read: one content and the windows of all files. */
#define BERTH_LIMIT_VDAGENT_MESSAGE_BYTES 4096u
#define BERTH_LIMIT_VDAGENT_QUEUE_BYTES (80u * 1024 * 1024)

/* HTTP: bytes of a request body, of a response body that a client accepts. */
#define BERTH_LIMIT_HTTP_BODY_BYTES (256u * 1024)
#define BERTH_LIMIT_HTTP_RESPONSE_BYTES (4u * 1024 * 1024)
/* HTTP: connections that the broker holds open at once, so that some idle sources of a gateway do
 * not take all; and bytes of memory for one of them (its headers). */
#define BERTH_LIMIT_HTTP_CONNECTIONS 4096u
#define BERTH_LIMIT_HTTP_CONNECTION_BYTES 16384u
/* HTTP: microseconds from the end of one request, or the start of the connection, until the next
 * one is there as a whole: who sends a byte now and then holds no connection for ever. */
#define BERTH_LIMIT_HTTP_RECEIVE_US (60LL * 1000 * 1000)
/* HTTP: logins and sources whose rate is remembered; a hostile crowd costs some MiB. */
#define BERTH_LIMIT_HTTP_RATE_KEYS 16384u
/* Log: levels of scopes that one request sets. */
#define BERTH_LIMIT_LOG_SPEC_BYTES 512
/* Reports: sessions that one reads; 40 bytes each. */
#define BERTH_LIMIT_REPORT_SESSIONS 2000000
/* HTTP: event streams open at once on one broker; each looks into the store three times a second.
 */
#define BERTH_LIMIT_WATCHERS 64u
/* HTTP: threads that look who asks and read what is short, requests that wait for one, and
 * microseconds that a request waits for the store at most, reading and writing. */
#define BERTH_LIMIT_READ_THREADS 4
#define BERTH_LIMIT_READS_QUEUED 1024
#define BERTH_LIMIT_HTTP_READ_US (5LL * 1000 * 1000)
#define BERTH_LIMIT_HTTP_WRITE_US (10LL * 1000 * 1000)
/* HTTP: long reads that run, that wait for a thread, and microseconds after which one that still
 * runs is answered with an operation. */
#define BERTH_LIMIT_SLOW_READ_THREADS 2
#define BERTH_LIMIT_SLOW_READS_QUEUED 64
#define BERTH_LIMIT_SLOW_READ_US (2LL * 1000 * 1000)
/* Gateway: connections at once in all, and from one source address. */
#define BERTH_LIMIT_GATEWAY_CONNECTIONS 8192u
#define BERTH_LIMIT_GATEWAY_PER_SOURCE 256u
/* Gateway and agent: bytes of a TLS ClientHello that is peeked for its server name. */
#define BERTH_LIMIT_CLIENT_HELLO_BYTES 4096u

/* Control link between broker and agent: bytes of one JSON message. */
#define BERTH_LIMIT_CONTROL_MESSAGE_BYTES (4u * 1024 * 1024)

/* Connections to the broker's port for agents that have not proved who they are. */
#define BERTH_LIMIT_UNKNOWN_AGENTS 256u

/*
 * Messages of one agent, on average and at once.  A busy host sends three a second: an inventory
 * every 20 ms at worst, and polls.
 */
#define BERTH_LIMIT_AGENT_MESSAGES_PER_S 100
#define BERTH_LIMIT_AGENT_MESSAGES_AT_ONCE 400
/* Images: bytes of a manifest; it goes to a host with every machine, in one message. */
#define BERTH_LIMIT_MANIFEST_BYTES 8192u
/* Images: bytes of the signed manifest of a version; its script and command line fit. */
#define BERTH_LIMIT_VERSION_MANIFEST_BYTES 65536u
/* Images: bytes of a kernel command line (what x86 takes), and of the script that prepares a
 * template. */
#define BERTH_LIMIT_CMDLINE_BYTES 2000u
#define BERTH_LIMIT_PREPARE_BYTES 16384u
/* Images: bytes of one file of a version; its list of chunks has 16 MiB then. */
#define BERTH_LIMIT_IMAGE_BYTES (2ULL << 40)
/* Images: chunks that one request may ask for: 256 MiB. */
#define BERTH_LIMIT_IMAGE_REQUEST_CHUNKS 64u
/* Images: connections that fetch from one host or broker at once; a thread each. */
#define BERTH_LIMIT_IMAGE_CONNECTIONS 32
/* Images: microseconds to connect and greet, until a connection that moves nothing is cut, and
 * until a chunk of 4 MiB must be here: a source that sends a byte now and then must not hold one
 * up. */
#define BERTH_LIMIT_IMAGE_HANDSHAKE_US (10LL * 1000 * 1000)
#define BERTH_LIMIT_IMAGE_STALL_US (60LL * 1000 * 1000)
#define BERTH_LIMIT_IMAGE_CHUNK_US (180LL * 1000 * 1000)
/* Images: bytes of one piece of an upload, and such pieces that are held in memory at once. */
#define BERTH_LIMIT_UPLOAD_PIECE_BYTES (8u * 1024 * 1024)
#define BERTH_LIMIT_UPLOAD_PIECES 16u
/* Images: uploads open at once on one broker, and microseconds that one lives. */
#define BERTH_LIMIT_UPLOADS 16u
#define BERTH_LIMIT_UPLOAD_LIFE_US (24LL * 3600 * 1000 * 1000)
/* Images: bytes of the note about what a version changes. */
#define BERTH_LIMIT_CHANGELOG_BYTES 4096u
/* Machines: memory in MiB and virtual processors that a version or a pool may ask for; less
 * memory boots nothing, and QEMU's machine ends there. */
#define BERTH_LIMIT_GUEST_MEMORY_MIN_MIB 16
#define BERTH_LIMIT_GUEST_MEMORY_MAX_MIB (1024 * 1024)
#define BERTH_LIMIT_GUEST_VCPUS 64
/* Schedules: windows of one. */
#define BERTH_LIMIT_SCHEDULE_RULES 32u
/* Pools: timers, rules of the power schedule, arguments of an application. */
#define BERTH_LIMIT_POOL_TIMERS 4u
#define BERTH_LIMIT_POOL_POWER_RULES 16u
#define BERTH_LIMIT_APP_ARGUMENTS 32u
/* Planner: machines planned in one transaction of about 0.3 s, so that users' connects are not kept
 * waiting by a site that is filled from nothing; the next tick, at once, goes on. */
#define BERTH_LIMIT_PLAN_MACHINES 2000
/* Labels of one pool or host. */
#define BERTH_LIMIT_LABELS 16u
/* Tasks of a host: bytes of UTF-8 of what one is doing or why it failed, and of all results in one
 * inventory: the rest is told when the broker has taken these. */
#define BERTH_LIMIT_TASK_DETAIL_BYTES 1024u
#define BERTH_LIMIT_TASK_REPORT_BYTES (1024u * 1024)
/* Versions: bytes of what is written of a change. */
#define BERTH_LIMIT_CHANGELOG_BYTES 4096u
/* run-script: lines and bytes of the script of an administrator. */
#define BERTH_LIMIT_RUN_SCRIPT_LINES 8192u
#define BERTH_LIMIT_RUN_SCRIPT_BYTES (48u * 1024)
/* Sealing: bytes of the lists of packages and files in the report of a version. */
#define BERTH_LIMIT_FACTS_BYTES (192u * 1024)
/* Session control socket between agent and session process: bytes of one JSON message. */
#define BERTH_LIMIT_SESSION_CONTROL_BYTES (64u * 1024)
/* Notices to users: bytes of UTF-8 of one. */
#define BERTH_LIMIT_NOTICE_BYTES 512u
/* Client: lines of its log that it keeps for diagnostics, and bytes of one. */
#define BERTH_LIMIT_CLIENT_KEPT_LOG_LINES 400u
#define BERTH_LIMIT_KEPT_LOG_LINE_BYTES 1024u
/* Watermarks: characters that are shown; the pattern of so many wide letters has about 2 MiB. */
#define BERTH_LIMIT_WATERMARK_CHARS 96u
/* QMP and guest agent: bytes of one line. */
#define BERTH_LIMIT_QMP_LINE_BYTES (4u * 1024 * 1024)
#define BERTH_LIMIT_GUEST_AGENT_LINE_BYTES (1024u * 1024)
/* Guest agent: commands that wait, bytes of a script, and of all that one writes: in base64 it fits
 * into one line. */
#define BERTH_LIMIT_GUEST_CALLS 64u
#define BERTH_LIMIT_GUEST_SCRIPT_BYTES (64u * 1024)
#define BERTH_LIMIT_GUEST_OUTPUT_BYTES (704u * 1024)

/* Names: bytes of UTF-8 in a user, pool, host or image name, and in a password. */
#define BERTH_LIMIT_NAME_BYTES 128u
#define BERTH_LIMIT_PASSWORD_BYTES 256u
/* Tickets: life in microseconds, allowed clock skew, ids remembered against replay. */
#define BERTH_LIMIT_TICKET_LIFE_US (60LL * 1000 * 1000)
#define BERTH_LIMIT_TICKET_SKEW_US (30LL * 1000 * 1000)
#define BERTH_LIMIT_TICKETS_REMEMBERED 1024u
/* Sessions: microseconds that a dropped connection may resume with its token (default policy). */
#define BERTH_LIMIT_RESUME_WINDOW_US (180LL * 1000 * 1000)
/* Logins: microseconds that an API token lives, and idle time before it dies. */
#define BERTH_LIMIT_LOGIN_LIFE_US (10LL * 3600 * 1000 * 1000)
#define BERTH_LIMIT_LOGIN_IDLE_US (3600LL * 1000 * 1000)
/* Logins: microseconds to show a second factor or to come back from a provider; not a lunch break.
 */
#define BERTH_LIMIT_PENDING_LOGIN_US (300LL * 1000 * 1000)
/* Links: microseconds in which a one-time code is to be used, from one click to the next program;
 * codes of one user that wait. */
#define BERTH_LIMIT_LINK_US (120LL * 1000 * 1000)
#define BERTH_LIMIT_LINKS 16u
/* Links: microseconds that a login lives which came by one; a working desktop needs it no more. */
#define BERTH_LIMIT_LINK_LOGIN_US (3600LL * 1000 * 1000)
/* Logins: devices that an account is known to use, and microseconds before one is forgotten. */
#define BERTH_LIMIT_KNOWN_DEVICES 16u
#define BERTH_LIMIT_KNOWN_DEVICE_US (90LL * 24 * 3600 * 1000 * 1000)
/* Logins: sources and accounts whose failures are remembered; 100 bytes each. */
#define BERTH_LIMIT_THROTTLE_KEYS 65536u
/* Logins: API tokens of one account, and days that one may live. */
#define BERTH_LIMIT_API_TOKENS 64u
#define BERTH_LIMIT_API_TOKEN_DAYS 3650u
/* Logins: returns from providers that are awaited at once, so that starts do not fill the store. */
#define BERTH_LIMIT_OIDC_FLOWS 4096u
/* Logins: bytes of the list of refused passwords; the usual lists have 1 MiB. */
#define BERTH_LIMIT_BLOCK_FILE_BYTES (64u * 1024 * 1024)
/* Directories: groups of one user, how deep they nest, and bytes of a distinguished name. */
#define BERTH_LIMIT_DIRECTORY_GROUPS 512u
#define BERTH_LIMIT_DIRECTORY_DEPTH 16u
#define BERTH_LIMIT_DIRECTORY_DN_BYTES 1024u
/* Providers: bytes of one answer, of one ID token, and keys in a set. */
#define BERTH_LIMIT_PROVIDER_ANSWER_BYTES (256u * 1024)
#define BERTH_LIMIT_ID_TOKEN_BYTES (32u * 1024)
#define BERTH_LIMIT_PROVIDER_KEYS 32u
/* PAM helper: bytes of one packet: a user, a password, an address and what goes with them. */
#define BERTH_LIMIT_AUTH_PACKET_BYTES 1024u

/* Tags of versions: characters of one. */
#define BERTH_LIMIT_TAG_CHARS 64
/* Pools: characters of the name of an icon; those of the icon themes have up to 40. */
#define BERTH_LIMIT_ICON_CHARS 64
/* Control link: versions of images, RAM templates, tasks and disks of one host in one message; a
 * manifest has at most 64 KiB, and a message 4 MiB.  Tasks that do not fit wait. */
#define BERTH_LIMIT_HOST_IMAGES 128u
#define BERTH_LIMIT_HOST_TEMPLATES 64u
#define BERTH_LIMIT_HOST_TASKS 64u
#define BERTH_LIMIT_HOST_DISKS 4096u
/* User disks: MiB of one; less than the first has no room for a file system, and qcow2 with
 * clusters of 64 KiB keeps its tables small up to the second. */
#define BERTH_LIMIT_USER_DISK_MIN_MIB 16
#define BERTH_LIMIT_USER_DISK_MIB (16 * 1024 * 1024)
/* Control link: bytes of the arguments and of the result of one task, as JSON text: what sealing
 * found lists thousands of packages and files. */
#define BERTH_LIMIT_TASK_ARGS_BYTES (64u * 1024)
#define BERTH_LIMIT_TASK_RESULT_BYTES (256u * 1024)
/* Restore points and backups: bytes of a manifest; names, sizes and one hash. */
#define BERTH_LIMIT_BACKUP_MANIFEST_BYTES 8192u
/* Backups of one folder that are listed; about 500 bytes each in the result of a task. */
#define BERTH_LIMIT_BACKUPS_LISTED 256u

/* Rollouts: bytes of the message to users and of a schedule's name. */
#define BERTH_LIMIT_ROLLOUT_TEXT_BYTES 512u
/* Rollouts: pools that one publish names. */
#define BERTH_LIMIT_ROLLOUT_POOLS 256u

/* Client: desktops in a list, and milliseconds before it asks a broker again. */
#define BERTH_LIMIT_CLIENT_DESKTOPS 512u
#define BERTH_LIMIT_CLIENT_RETRY_MIN_MS 100
#define BERTH_LIMIT_CLIENT_RETRY_MAX_MS 10000
/* Client: microseconds that it tries to resume, whatever a server says. */
#define BERTH_LIMIT_CLIENT_RESUME_US (3600LL * 1000 * 1000)
/* Client: bytes of memory of display messages that wait for the decoder before the session is
 * given up. */
#define BERTH_LIMIT_CLIENT_DECODE_QUEUE_BYTES (128u * 1024 * 1024)
/* Client: questions of those who want to watch that wait for the user. */
#define BERTH_LIMIT_SHADOW_QUESTIONS 4u
/* Client: bytes of the file that tells where a shared display is. */
#define BERTH_LIMIT_CONNECTION_FILE_BYTES 4096u
/* Client: what a broker may tell on the way to a login: recovery codes, characters of a code or a
 * secret, characters of an address, and providers that fit below a password. */
#define BERTH_LIMIT_CLIENT_RECOVERY_CODES 32u
#define BERTH_LIMIT_CLIENT_CODE_CHARS 128u
#define BERTH_LIMIT_CLIENT_URL_CHARS 8192u
#define BERTH_LIMIT_CLIENT_PROVIDERS 8u
/* Client: a browser that comes back from a provider: bytes of one request, connections at once. */
#define BERTH_LIMIT_BROWSER_HEAD_BYTES 16384u
#define BERTH_LIMIT_BROWSER_CONNECTIONS 8u
/* Client: bytes of a berth:// link or a .berth file; three short values. */
#define BERTH_LIMIT_LAUNCH_LINK_BYTES 1024u
/* Desktops: bytes of a user's report of a problem; a few sentences. */
#define BERTH_LIMIT_REPORT_BYTES 1024u
/* Client: profiles that it remembers, and favourites of one; each is a row that somebody reads. */
#define BERTH_LIMIT_CLIENT_PROFILES 64u
#define BERTH_LIMIT_CLIENT_FAVOURITES 128u
/* Client: bytes of one line of a probe script. */
#define BERTH_LIMIT_PROBE_LINE_BYTES 4096u

/* Guest graphics: regions of guest memory in one table (what QEMU sends at most without slots). */
#define BERTH_LIMIT_GUEST_REGIONS 8u
/* Guest graphics: descriptors of a virtqueue, and segments of one request; QEMU allows as many. */
#define BERTH_LIMIT_VRING_SIZE 1024u
#define BERTH_LIMIT_VRING_SEGMENTS 1024u
/* Guest graphics: pictures that a guest may describe, and memory ranges of all of them together (24
 * bytes each here); a 4K buffer in single pages has 8,100. */
#define BERTH_LIMIT_GPU_RESOURCES 1024u
#define BERTH_LIMIT_GPU_RANGES 262144u
/* Guest graphics: ranges that come with one command; as many as QEMU takes. */
#define BERTH_LIMIT_GPU_RANGES_PER_COMMAND 16384u
/* Guest graphics: bytes of one command with its ranges. */
#define BERTH_LIMIT_GPU_COMMAND_BYTES (32u + BERTH_LIMIT_GPU_RANGES_PER_COMMAND * 16u)
/* Guest graphics: microseconds that the answer of a flush waits at most for its turn while the
 * session shows pictures, and while nobody takes any. */
#define BERTH_LIMIT_GPU_HOLD_US (50LL * 1000)
#define BERTH_LIMIT_GPU_HOLD_UNSEEN_US (150LL * 1000)
