// Breaches of RFC 9113 4 and 6: frames that are not as their type has to be.
import { requestFields } from './frame-sender.ts';
import { hpackBlock, hpackLiteral } from './hpack.ts';
import type { Breach } from './http2-breach.ts';
import { FLAG, FRAME, SETTING, uint32 } from './http2-frames.ts';

const BLOCK = hpackBlock(requestFields());
/** More than any frame may have that nobody has allowed to be larger. */
const TOO_LARGE = Buffer.alloc(16_385);
const UNKNOWN_TYPE = 0x42;
const END = FLAG.endStream | FLAG.endHeaders;

/** RFC 9113 4.2: "An endpoint MUST send an error code of FRAME_SIZE_ERROR if a frame exceeds the size". */
const SIZES: readonly Breach[] = [
  ['DATA', FRAME.data, 1],
  ['HEADERS', FRAME.headers, 3],
  ['SETTINGS', FRAME.settings, 0],
  ['a frame of unknown type', UNKNOWN_TYPE, 0],
].map(([what, type, streamId]) => ({
  clause: 'RFC 9113 4.2',
  what: `${what} of 16,385 octets`,
  send: (client) => client.frame(Number(type), 0, Number(streamId), TOO_LARGE),
  code: 'FRAME_SIZE_ERROR',
}));

/** RFC 9113 4.3: "A decoding error in a field block MUST be treated as a connection error". */
const BLOCKS: readonly Breach[] = (
  [
    ['index 0', Buffer.from([0x80])],
    ['an index beyond both tables', Buffer.from([0xff, 0x7f])],
    ['a field that is cut off', hpackLiteral(['name', 'value']).subarray(0, -1)],
    ['a size update beyond the limit', Buffer.from([0x3f, 0xe2, 0x1f])],
    ['a size update behind a field', Buffer.from([0x82, 0x20])],
  ] as const
).flatMap(([what, block]): readonly Breach[] => [
  {
    clause: 'RFC 9113 4.3',
    what: `a header section with ${what}`,
    send: (client) => client.frame(FRAME.headers, END, 3, block),
    code: 'COMPRESSION_ERROR',
  },
  {
    clause: 'RFC 9113 4.3',
    what: `a trailer section with ${what}`,
    send: (client) => client.frame(FRAME.headers, END, 1, block),
    code: 'COMPRESSION_ERROR',
  },
]);

/** RFC 9113 6.2, 6.10, 5.5: nothing but CONTINUATION of the same stream follows HEADERS or CONTINUATION without END_HEADERS. */
const INTERRUPTIONS: readonly Breach[] = (
  [
    ['DATA', FRAME.data, 1, ''],
    ['DATA of its own stream', FRAME.data, 3, ''],
    ['HEADERS of its own stream', FRAME.headers, 3, BLOCK],
    ['HEADERS of another stream', FRAME.headers, 5, BLOCK],
    ['PRIORITY', FRAME.priority, 3, Buffer.alloc(5)],
    ['RST_STREAM', FRAME.rstStream, 3, uint32(8)],
    ['SETTINGS', FRAME.settings, 0, ''],
    ['PUSH_PROMISE', FRAME.pushPromise, 3, BLOCK],
    ['PING', FRAME.ping, 0, '8 octets'],
    ['GOAWAY', FRAME.goaway, 0, Buffer.alloc(8)],
    ['WINDOW_UPDATE', FRAME.windowUpdate, 0, uint32(1)],
    ['CONTINUATION of another stream', FRAME.continuation, 1, BLOCK],
    ['a frame of unknown type', UNKNOWN_TYPE, 3, 'unknown'],
  ] as const
).flatMap(([what, type, streamId, payload]): readonly Breach[] => [
  {
    clause: type === UNKNOWN_TYPE ? 'RFC 9113 5.5' : 'RFC 9113 6.2',
    what: `${what} behind HEADERS without END_HEADERS`,
    send: (client) => {
      client.frame(FRAME.headers, FLAG.endStream, 3, BLOCK);
      client.frame(type, FLAG.endHeaders, streamId, payload);
    },
    code: 'PROTOCOL_ERROR',
  },
  {
    clause: type === UNKNOWN_TYPE ? 'RFC 9113 5.5' : 'RFC 9113 6.10',
    what: `${what} behind CONTINUATION without END_HEADERS`,
    send: (client) => {
      client.frame(FRAME.headers, FLAG.endStream, 3, BLOCK.subarray(0, 1));
      client.frame(FRAME.continuation, 0, 3, BLOCK.subarray(1));
      client.frame(type, FLAG.endHeaders, streamId, payload);
    },
    code: 'PROTOCOL_ERROR',
  },
]);

/** Frames whose side of stream 0 is the wrong one. */
const STREAM_ZERO: readonly Breach[] = (
  [
    ['6.1', 'DATA on stream 0', FRAME.data, 0, 'x'],
    ['6.2', 'HEADERS on stream 0', FRAME.headers, 0, BLOCK],
    ['6.3', 'PRIORITY on stream 0', FRAME.priority, 0, Buffer.alloc(5)],
    ['6.4', 'RST_STREAM on stream 0', FRAME.rstStream, 0, uint32(8)],
    ['6.5', 'SETTINGS on a stream', FRAME.settings, 1, ''],
    ['6.6', 'PUSH_PROMISE on stream 0', FRAME.pushPromise, 0, BLOCK],
    ['6.7', 'PING on a stream', FRAME.ping, 1, '8 octets'],
    ['6.8', 'GOAWAY on a stream', FRAME.goaway, 1, Buffer.alloc(8)],
    ['6.10', 'CONTINUATION on stream 0', FRAME.continuation, 0, BLOCK],
  ] as const
).map(([section, what, type, streamId, payload]) => ({
  clause: `RFC 9113 ${section}`,
  what,
  send: (client) => client.frame(type, 0, streamId, payload),
  code: 'PROTOCOL_ERROR',
}));

/** Frames of a length that their type does not have. */
const LENGTHS: readonly Breach[] = (
  [
    ['6.4', 'RST_STREAM of 3 octets', FRAME.rstStream, 1, 3],
    ['6.4', 'RST_STREAM of 5 octets', FRAME.rstStream, 1, 5],
    ['6.4', 'an empty RST_STREAM', FRAME.rstStream, 1, 0],
    ['6.5', 'SETTINGS of 5 octets', FRAME.settings, 0, 5],
    ['6.5', 'SETTINGS of 7 octets', FRAME.settings, 0, 7],
    ['6.7', 'PING of 7 octets', FRAME.ping, 0, 7],
    ['6.7', 'PING of 9 octets', FRAME.ping, 0, 9],
    ['6.7', 'an empty PING', FRAME.ping, 0, 0],
    ['4.2', 'GOAWAY of 7 octets', FRAME.goaway, 0, 7],
    ['6.9', 'WINDOW_UPDATE of 3 octets', FRAME.windowUpdate, 0, 3],
    ['6.9', 'WINDOW_UPDATE of 5 octets on a stream', FRAME.windowUpdate, 1, 5],
    ['6.9', 'an empty WINDOW_UPDATE', FRAME.windowUpdate, 0, 0],
    ['4.2', 'HEADERS without room for its priority', FRAME.headers, 3, 4],
  ] as const
).map(([section, what, type, streamId, length]) => ({
  clause: `RFC 9113 ${section}`,
  what,
  send: (client) =>
    client.frame(type, type === FRAME.headers ? FLAG.priority | END : 0, streamId, Buffer.alloc(length, 1)),
  code: 'FRAME_SIZE_ERROR',
}));

/** RFC 9113 6.3: "a length other than 5 octets MUST be treated as a stream error"; an idle stream cannot have one. */
const PRIORITIES: readonly Breach[] = [4, 6, 0].flatMap((length): readonly Breach[] => [
  {
    clause: 'RFC 9113 6.3',
    what: `PRIORITY of ${length} octets`,
    send: (client) => {
      client.request(3, '/hold');
      client.frame(FRAME.priority, 0, 3, Buffer.alloc(length));
    },
    code: 'FRAME_SIZE_ERROR',
    streamId: 3,
  },
  {
    clause: 'RFC 9113 6.3',
    what: `PRIORITY of ${length} octets on an idle stream`,
    send: (client) => client.frame(FRAME.priority, 0, 7, Buffer.alloc(length)),
    code: 'FRAME_SIZE_ERROR',
  },
]);

/** RFC 9113 6.1, 6.2: padding of "the length of the frame payload or greater". */
const PADDING: readonly Breach[] = (
  [
    ['6.1', 'DATA with as much padding as payload', FRAME.data, 1, FLAG.padded, Buffer.from([5, 0, 0, 0, 0])],
    ['6.1', 'DATA with more padding than payload', FRAME.data, 1, FLAG.padded, Buffer.from([255, 0])],
    ['6.1', 'DATA with a padding that has no room', FRAME.data, 1, FLAG.padded, Buffer.from([1])],
    ['6.1', 'empty DATA that says it is padded', FRAME.data, 1, FLAG.padded, ''],
    ['6.2', 'HEADERS with as much padding as payload', FRAME.headers, 3, FLAG.padded | END, Buffer.from([2, 0])],
    ['6.2', 'HEADERS with more padding than payload', FRAME.headers, 3, FLAG.padded | END, Buffer.from([255, 0, 0])],
    ['6.2', 'empty HEADERS that says it is padded', FRAME.headers, 3, FLAG.padded | END, ''],
  ] as const
).map(([section, what, type, streamId, flags, payload]) => ({
  clause: `RFC 9113 ${section}`,
  what,
  send: (client) => client.frame(type, flags, streamId, payload),
  code: 'PROTOCOL_ERROR',
}));

const SETTINGS: readonly Breach[] = (
  [
    ['RFC 9113 6.5.2', 'ENABLE_PUSH of 2', 'PROTOCOL_ERROR', SETTING.enablePush, 2],
    ['RFC 9113 6.5.2', 'INITIAL_WINDOW_SIZE of 2^31', 'FLOW_CONTROL_ERROR', SETTING.initialWindowSize, 2 ** 31],
    ['RFC 9113 6.5.2', 'MAX_FRAME_SIZE of 16,383', 'PROTOCOL_ERROR', SETTING.maxFrameSize, 16_383],
    ['RFC 9113 6.5.2', 'MAX_FRAME_SIZE of 2^24', 'PROTOCOL_ERROR', SETTING.maxFrameSize, 2 ** 24],
    ['RFC 8441 3', 'ENABLE_CONNECT_PROTOCOL of 2', 'PROTOCOL_ERROR', SETTING.enableConnectProtocol, 2],
    ['RFC 9218 2.1', 'NO_RFC7540_PRIORITIES of 2', 'PROTOCOL_ERROR', SETTING.noRfc7540Priorities, 2],
  ] as const
).map(([clause, what, code, id, value]) => ({ clause, what, send: (client) => client.settings([id, value]), code }));

const OTHERS: readonly Breach[] = [
  {
    clause: 'RFC 9113 4.2',
    what: 'HEADERS whose padding leaves no room for its priority',
    send: (client) =>
      client.frame(FRAME.headers, FLAG.padded | FLAG.priority | END, 3, Buffer.from([3, 0, 0, 0, 0, 16, 0])),
    code: 'FRAME_SIZE_ERROR',
  },
  {
    clause: 'RFC 9113 6.5',
    what: 'an acknowledgement of SETTINGS with a payload',
    send: (client) => client.frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(6)),
    code: 'FRAME_SIZE_ERROR',
  },
  {
    clause: 'RFC 9113 6.6',
    what: 'PUSH_PROMISE of a client',
    send: (client) => client.frame(FRAME.pushPromise, FLAG.endHeaders, 1, Buffer.concat([uint32(2), BLOCK])),
    code: 'PROTOCOL_ERROR',
  },
  {
    clause: 'RFC 9113 6.10',
    what: 'CONTINUATION behind a header block that has ended',
    send: (client) => {
      client.request(3, '/hold');
      client.frame(FRAME.continuation, FLAG.endHeaders, 3, BLOCK);
    },
    code: 'PROTOCOL_ERROR',
  },
  {
    clause: 'RFC 9113 6.10',
    what: 'CONTINUATION behind DATA',
    send: (client) => {
      client.data(1, 'x');
      client.frame(FRAME.continuation, FLAG.endHeaders, 1, BLOCK);
    },
    code: 'PROTOCOL_ERROR',
  },
  {
    clause: 'RFC 8441 3',
    what: 'ENABLE_CONNECT_PROTOCOL taken back',
    send: (client) => {
      client.settings([SETTING.enableConnectProtocol, 1]);
      client.settings([SETTING.enableConnectProtocol, 0]);
    },
    code: 'PROTOCOL_ERROR',
  },
  {
    clause: 'RFC 9218 2.1',
    what: 'NO_RFC7540_PRIORITIES that changes',
    send: (client) => client.settings([SETTING.noRfc7540Priorities, 1]),
    code: 'PROTOCOL_ERROR',
  },
];

export const FRAME_BREACHES: readonly Breach[] = [
  ...SIZES,
  ...BLOCKS,
  ...INTERRUPTIONS,
  ...STREAM_ZERO,
  ...LENGTHS,
  ...PRIORITIES,
  ...PADDING,
  ...SETTINGS,
  ...OTHERS,
];
