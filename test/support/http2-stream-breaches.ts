// Breaches of RFC 9113 5 and 6.9, and of RFC 9218 7: frames that the state of their stream, or a window, does not let be.
import { requestFields } from './frame-sender.ts';
import { hpackBlock } from './hpack.ts';
import type { Breach } from './http2-breach.ts';
import { FLAG, FRAME, SETTING, uint32 } from './http2-frames.ts';

const BLOCK = hpackBlock(requestFields());
const PRIORITY_UPDATE = 16;
const MAX_WINDOW = 2 ** 31 - 1;

/** RFC 9113 5.1: "Receiving any frame other than HEADERS or PRIORITY on a stream in this state MUST be treated as a connection error". */
const IDLE: readonly Breach[] = [
  ...([7, 2] as const).flatMap((streamId) =>
    (
      [
        ['DATA', FRAME.data, 'x'],
        ['empty DATA with END_STREAM', FRAME.data, ''],
        ['RST_STREAM', FRAME.rstStream, uint32(8)],
        ['WINDOW_UPDATE', FRAME.windowUpdate, uint32(1)],
        ['CONTINUATION', FRAME.continuation, BLOCK],
      ] as const
    ).map(
      ([what, type, payload]): Breach => ({
        clause: 'RFC 9113 5.1',
        what: `${what} on the idle stream ${streamId}`,
        send: (client) => client.frame(type, payload === '' ? FLAG.endStream : 0, streamId, payload),
        code: 'PROTOCOL_ERROR',
      }),
    ),
  ),
  {
    clause: 'RFC 9113 5.1',
    what: 'HEADERS on a stream that is for the server to open',
    send: (client) => client.headers(2, requestFields(), FLAG.endStream),
    code: 'PROTOCOL_ERROR',
  },
];

/** RFC 9113 5.1: frames "other than WINDOW_UPDATE, PRIORITY, or RST_STREAM" behind END_STREAM. */
const HALF_CLOSED: readonly Breach[] = [
  ...(
    [
      ['DATA', FRAME.data, 'x'],
      ['empty DATA', FRAME.data, ''],
      ['HEADERS', FRAME.headers, hpackBlock([['x-late', '1']])],
    ] as const
  ).flatMap(([what, type, payload]): readonly Breach[] => [
    {
      clause: 'RFC 9113 5.1',
      what: `${what} behind HEADERS with END_STREAM`,
      send: (client) => {
        client.request(3, '/hold');
        client.frame(type, FLAG.endStream | FLAG.endHeaders, 3, payload);
      },
      code: 'STREAM_CLOSED',
      streamId: 3,
    },
    {
      clause: 'RFC 9113 5.1',
      what: `${what} behind DATA with END_STREAM`,
      send: (client) => {
        client.request(3, '/hold', { body: 'x' });
        client.frame(type, FLAG.endStream | FLAG.endHeaders, 3, payload);
      },
      code: 'STREAM_CLOSED',
      streamId: 3,
    },
    {
      clause: 'RFC 9113 5.1',
      what: `${what} behind RST_STREAM`,
      send: (client) => {
        client.request(3, '/hold');
        client.rst(3);
        client.frame(type, FLAG.endStream | FLAG.endHeaders, 3, payload);
      },
      code: 'STREAM_CLOSED',
    },
  ]),
  {
    clause: 'RFC 9113 5.1',
    what: 'DATA behind trailers',
    send: (client) => {
      client.headers(3, requestFields([[':method', 'POST']], [[':path', '/hold']]));
      client.headers(3, [['x-trailer', '1']], FLAG.endStream);
      client.data(3, 'x');
    },
    code: 'STREAM_CLOSED',
    streamId: 3,
  },
];

const IDENTIFIERS: readonly Breach[] = [
  {
    clause: 'RFC 9113 5.1.1',
    what: 'HEADERS on a stream that was passed over',
    send: (client) => {
      client.request(7, '/hold');
      client.request(5, '/hold');
    },
    code: 'PROTOCOL_ERROR',
  },
  {
    clause: 'RFC 9113 5.1.1',
    what: 'DATA on a stream that was passed over',
    send: (client) => {
      client.request(7, '/hold');
      client.data(5, 'x');
    },
    code: 'STREAM_CLOSED',
  },
];

const WINDOWS: readonly Breach[] = [
  {
    clause: 'RFC 9113 6.9',
    what: 'WINDOW_UPDATE of the connection by 0',
    send: (client) => client.windowUpdate(0, 0),
    code: 'PROTOCOL_ERROR',
  },
  {
    clause: 'RFC 9113 6.9',
    what: 'WINDOW_UPDATE of a stream by 0',
    send: (client) => {
      client.request(3, '/hold');
      client.windowUpdate(3, 0);
    },
    code: 'PROTOCOL_ERROR',
    streamId: 3,
  },
  {
    clause: 'RFC 9113 6.9',
    what: 'WINDOW_UPDATE of a stream by 0 with the reserved bit set',
    send: (client) => {
      client.request(3, '/hold');
      client.windowUpdate(3, 2 ** 31);
    },
    code: 'PROTOCOL_ERROR',
    streamId: 3,
  },
  {
    clause: 'RFC 9113 6.9.1',
    what: 'a connection window beyond 2^31-1',
    send: (client) => client.windowUpdate(0, MAX_WINDOW),
    code: 'FLOW_CONTROL_ERROR',
  },
  {
    clause: 'RFC 9113 6.9.1',
    what: 'a stream window beyond 2^31-1',
    send: (client) => {
      client.request(3, '/hold');
      client.windowUpdate(3, MAX_WINDOW);
    },
    code: 'FLOW_CONTROL_ERROR',
    streamId: 3,
  },
  {
    clause: 'RFC 9113 6.9.2',
    what: 'INITIAL_WINDOW_SIZE that takes a stream window beyond 2^31-1',
    send: (client) => {
      client.request(3, '/hold');
      client.windowUpdate(3, 1);
      client.settings([SETTING.initialWindowSize, MAX_WINDOW]);
    },
    code: 'FLOW_CONTROL_ERROR',
  },
  {
    clause: 'RFC 9113 6.9.1',
    what: 'content beyond the stream window',
    send: (client) => {
      client.headers(3, requestFields([[':method', 'POST']], [[':path', '/hold']]));
      for (let sent = 0; sent <= 2 * 65_536; sent += 16_384) client.data(3, Buffer.alloc(16_384));
    },
    code: 'FLOW_CONTROL_ERROR',
    streamId: 3,
  },
];

/** RFC 7540 5.3.1: "A stream cannot depend on itself." */
const PRIORITIES: readonly Breach[] = [
  {
    clause: 'RFC 7540 5.3.1',
    what: 'HEADERS on a stream that depends on itself',
    send: (client) =>
      client.frame(
        FRAME.headers,
        FLAG.priority | FLAG.endStream | FLAG.endHeaders,
        3,
        Buffer.concat([uint32(3), Buffer.from([16]), BLOCK]),
      ),
    code: 'PROTOCOL_ERROR',
    streamId: 3,
  },
  {
    clause: 'RFC 7540 5.3.1',
    what: 'PRIORITY of a stream that depends on itself',
    send: (client) => {
      client.request(3, '/hold');
      client.frame(FRAME.priority, 0, 3, Buffer.concat([uint32(2 ** 31 + 3), Buffer.from([16])]));
    },
    code: 'PROTOCOL_ERROR',
    streamId: 3,
  },
  ...(
    [
      ['on a stream', 1, Buffer.concat([uint32(1), Buffer.from('u=1')]), 'PROTOCOL_ERROR'],
      ['of 3 octets', 0, Buffer.alloc(3), 'FRAME_SIZE_ERROR'],
      ['for stream 0', 0, Buffer.concat([uint32(0), Buffer.from('u=1')]), 'PROTOCOL_ERROR'],
      ['for a stream of the server', 0, Buffer.concat([uint32(2), Buffer.from('u=1')]), 'PROTOCOL_ERROR'],
    ] as const
  ).map(
    ([what, streamId, payload, code]): Breach => ({
      clause: 'RFC 9218 7.1',
      what: `PRIORITY_UPDATE ${what}`,
      send: (client) => client.frame(PRIORITY_UPDATE, 0, streamId, payload),
      code,
    }),
  ),
];

export const STREAM_BREACHES: readonly Breach[] = [...IDLE, ...HALF_CLOSED, ...IDENTIFIERS, ...WINDOWS, ...PRIORITIES];
