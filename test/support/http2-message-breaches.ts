// Breaches of RFC 9113 8: messages that are malformed. All of them cost the stream, by PROTOCOL_ERROR, and nothing else.
import type { FrameSender } from './frame-sender.ts';
import { requestFields } from './frame-sender.ts';
import type { FieldPair } from './hpack.ts';
import type { Breach } from './http2-breach.ts';
import { FLAG, FRAME } from './http2-frames.ts';

const HOLD: FieldPair = [':path', '/hold'];
const POST: FieldPair = [':method', 'POST'];

function malformed(section: string, what: string, send: (client: FrameSender<unknown>) => unknown): Breach {
  return { clause: `RFC 9113 ${section}`, what, send, code: 'PROTOCOL_ERROR', streamId: 3 };
}

/** A request on stream 3 with these fields, in this order. */
function request(fields: readonly FieldPair[], flags: number = FLAG.endStream) {
  return (client: FrameSender<unknown>) => client.headers(3, fields, flags);
}

/** The usual fields with these behind them. */
const and = (...fields: readonly FieldPair[]) => request([...requestFields([HOLD]), ...fields]);
/** The usual fields without those of these names. */
const without = (...names: readonly string[]) =>
  request(requestFields([HOLD]).filter(([name]) => !names.includes(name)));
/** The usual fields with a pseudo-field changed. */
const instead = (...fields: readonly FieldPair[]) => request(requestFields([HOLD], fields));

const FRAMING: readonly Breach[] = [
  malformed('8.1', 'a second HEADERS without END_STREAM', (client) => {
    client.headers(3, requestFields([POST], [HOLD]));
    client.headers(3, [['x-trailer', '1']]);
    client.data(3, '', FLAG.endStream);
  }),
  malformed('8.1', 'trailers with :path', (client) => {
    client.headers(3, requestFields([POST], [HOLD]));
    client.headers(3, [[':path', '/other']], FLAG.endStream);
  }),
  malformed('8.1', 'trailers with :status', (client) => {
    client.headers(3, requestFields([POST], [HOLD]));
    client.data(3, 'x');
    client.headers(
      3,
      [
        ['x-trailer', '1'],
        [':status', '200'],
      ],
      FLAG.endStream,
    );
  }),
  malformed('8.2.2', 'trailers with transfer-encoding', (client) => {
    client.headers(3, requestFields([POST], [HOLD]));
    client.headers(3, [['transfer-encoding', 'chunked']], FLAG.endStream);
  }),
  malformed('8.2.1', 'trailers with an upper-case name', (client) => {
    client.headers(3, requestFields([POST], [HOLD]));
    client.headers(3, [['X-Trailer', '1']], FLAG.endStream);
  }),
];

/** RFC 9113 8.1.1: content-length "does not equal the sum of the DATA frame payload lengths that form the content". */
const LENGTHS: readonly Breach[] = [
  malformed('8.1.1', 'content-length without content', and(['content-length', '1'])),
  malformed('8.1.1', 'more content than content-length', (client) => {
    client.headers(3, [...requestFields([POST], [HOLD]), ['content-length', '3']]);
    client.data(3, '1234', FLAG.endStream);
  }),
  malformed('8.1.1', 'content with a content-length of 0', (client) => {
    client.headers(3, [...requestFields([POST], [HOLD]), ['content-length', '0']]);
    client.data(3, '1');
  }),
  malformed('8.1.1', 'more content than content-length in a second frame', (client) => {
    client.headers(3, [...requestFields([POST], [HOLD]), ['content-length', '3']]);
    client.data(3, '123');
    client.data(3, '4', FLAG.endStream);
  }),
  malformed('8.1.1', 'less content than content-length', (client) => {
    client.headers(3, [...requestFields([POST], [HOLD]), ['content-length', '3']]);
    client.data(3, '12', FLAG.endStream);
  }),
  malformed('8.1.1', 'less content than content-length with padding instead', (client) => {
    client.headers(3, [...requestFields([POST], [HOLD]), ['content-length', '3']]);
    client.frame(FRAME.data, FLAG.padded | FLAG.endStream, 3, Buffer.from([1, 65, 66, 0]));
  }),
  malformed('8.1.1', 'less content than content-length before trailers', (client) => {
    client.headers(3, [...requestFields([POST], [HOLD]), ['content-length', '3']]);
    client.data(3, '12');
    client.headers(3, [['x-trailer', '1']], FLAG.endStream);
  }),
  ...['', '+1', '-1', '1,1', '1, 1', '1 1', '0x1', '1.0', '1e0', '9'.repeat(30), '١'].map((value) =>
    malformed('8.1.1', `content-length of ${JSON.stringify(value)}`, (client) => {
      client.headers(3, [...requestFields([POST], [HOLD]), ['content-length', Buffer.from(value).toString('latin1')]]);
      client.data(3, '1', FLAG.endStream);
    }),
  ),
  malformed('8.1.1', 'content-length twice', (client) => {
    client.headers(3, [...requestFields([POST], [HOLD]), ['content-length', '1'], ['content-length', '1']]);
    client.data(3, '1', FLAG.endStream);
  }),
];

/** RFC 9113 8.2.1. */
const FIELDS: readonly Breach[] = [
  malformed('8.2', 'an upper-case name', and(['X-Field', '1'])),
  malformed('8.2', 'a name with one upper-case letter', and(['x-fielD', '1'])),
  malformed('8.2.1', 'an empty name', and(['', '1'])),
  ...['\0', '\t', '\n', '\r', ' ', ':', '"', '(', ',', '/', ';', '=', '@', '[', '\\', '{', '\x7f', '\x80', '\xff'].map(
    (c) => malformed('8.2.1', `${JSON.stringify(c)} in a name`, and([`x${c}y`, '1'])),
  ),
  malformed('8.2.1', 'a name that ends in a colon', and(['x-field:', '1'])),
  malformed('8.2.1', 'a name that begins with a space', and([' x-field', '1'])),
  malformed('8.2.1', 'a name that is another line', and(['x: 1\r\ny', '1'])),
  ...['\0', '\n', '\r', '\r\n', '\x01', '\x0b', '\x1f', '\x7f'].map((c) =>
    malformed('8.2.1', `${JSON.stringify(c)} in a value`, and(['x-field', `a${c}b`])),
  ),
  malformed('8.2.1', 'a value that ends in CR', and(['x-field', 'a\r'])),
  malformed('8.2.1', 'a value that is another request', and(['x-field', 'a\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n'])),
  ...[' ', '\t'].flatMap((c) => [
    malformed('8.2.1', `a value that begins with ${JSON.stringify(c)}`, and(['x-field', `${c}a`])),
    malformed('8.2.1', `a value that ends with ${JSON.stringify(c)}`, and(['x-field', `a${c}`])),
    malformed('8.2.1', `a value of ${JSON.stringify(c)} alone`, and(['x-field', c])),
  ]),
  malformed('8.2.1', 'LF in a cookie', and(['cookie', 'a=1\nb=2'])),
  malformed('8.2.1', 'LF in host', and(['host', 'example.com\n'])),
  malformed('8.2.1', 'CR in content-length', and(['content-length', '0\r'])),
];

/** RFC 9113 8.2.2. */
const CONNECTION: readonly Breach[] = [
  ...(
    [
      ['connection', 'close'],
      ['connection', 'x-field'],
      ['keep-alive', 'timeout=5'],
      ['proxy-connection', 'keep-alive'],
      ['transfer-encoding', 'chunked'],
      ['transfer-encoding', ''],
      ['upgrade', 'h2c'],
    ] as const
  ).map(([name, value]) => malformed('8.2.2', `${name} of ${JSON.stringify(value)}`, and([name, value]))),
  ...['gzip', 'trailers, gzip', 'trailers;q=0.5', ''].map((value) =>
    malformed('8.2.2', `te of ${JSON.stringify(value)}`, and(['te', value])),
  ),
];

/** RFC 9113 8.3. */
const PSEUDO: readonly Breach[] = [
  malformed('8.3', 'a pseudo-field that nobody has defined', request([...requestFields([HOLD]), [':user', 'x']])),
  malformed('8.3', 'a pseudo-field that is a colon', request([...requestFields([HOLD]), [':', 'x']])),
  malformed('8.3', 'an upper-case pseudo-field', request([...requestFields([HOLD]), [':Method', 'GET']])),
  malformed('8.3', ':status in a request', request([...requestFields([HOLD]), [':status', '200']])),
  malformed('8.3', 'a pseudo-field behind a field', request([['x-field', '1'], ...requestFields([HOLD])])),
  malformed(
    '8.3',
    ':authority behind host',
    request([
      ...requestFields([HOLD]).filter(([name]) => name !== ':authority'),
      ['host', 'example.com'],
      [':authority', 'example.com'],
    ]),
  ),
  ...(
    [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/hold'],
      [':authority', 'example.com'],
    ] as const
  ).map((field) => malformed('8.3', `${field[0]} twice`, request([...requestFields([HOLD]), field]))),
  malformed('8.3', 'an empty :method twice', instead([':method', ''], [':method', 'GET'])),
  malformed('8.3', 'an empty :scheme twice', instead([':scheme', ''], [':scheme', 'http'])),
  malformed('8.3.1', 'no :method', without(':method')),
  malformed('8.3.1', 'no :scheme', without(':scheme')),
  malformed('8.3.1', 'no :path', without(':path')),
  malformed('8.3.1', 'no field at all', request([])),
  malformed('8.3.1', 'neither :authority nor host', without(':authority')),
  malformed('8.3.1', 'an empty :authority', instead([':authority', ''])),
  malformed(
    '8.3.1',
    'an empty host alone',
    request([...requestFields([HOLD]).filter(([name]) => name !== ':authority'), ['host', '']]),
  ),
  malformed('8.3.1', 'host twice', and(['host', 'example.com'], ['host', 'example.com'])),
  ...['other.example', 'example.com:81', 'example.com.', ''].map((host) =>
    malformed('8.3.1', `:authority of example.com with host of ${JSON.stringify(host)}`, and(['host', host])),
  ),
];

/** RFC 9113 8.3.1 and 10.3: what makes a request line or a Host line must be valid by itself. */
const CONTROL: readonly Breach[] = [
  ...['', ' ', 'G ET', 'GET /evil HTTP/1.1\r\nX: ', 'GET\n', 'G\0ET', 'GÉT', 'GET:'].map((method) =>
    malformed('10.3', `:method of ${JSON.stringify(method)}`, instead([':method', method])),
  ),
  ...['', ' ', 'http ', 'ftp', 'http://evil', 'http\n'].map((scheme) =>
    malformed('10.3', `:scheme of ${JSON.stringify(scheme)}`, instead([':scheme', scheme])),
  ),
  ...[
    '',
    ' ',
    'hold',
    'http://example.com/',
    '//\r\nx',
    '/a b',
    '/a HTTP/1.1\r\nHost: evil\r\n\r\n',
    '/a\tb',
    '/a\0',
    '/a\x7f',
    '/a#b',
    '/\x80',
    '*',
    '?a',
    'example.com:80',
  ].map((path) => malformed('10.3', `:path of ${JSON.stringify(path)}`, instead([':path', path]))),
  ...['example.com\r\nX: 1', ' example.com', 'example.com\0', 'example.com ', 'a\nb'].map((authority) =>
    malformed('10.3', `:authority of ${JSON.stringify(authority)}`, instead([':authority', authority])),
  ),
];

/** RFC 9113 8.5, RFC 8441 4. */
const CONNECT: readonly Breach[] = [
  malformed(
    '8.5',
    'CONNECT with :scheme',
    request([
      [':method', 'CONNECT'],
      [':authority', 'a:1'],
      [':scheme', 'http'],
    ]),
  ),
  malformed(
    '8.5',
    'CONNECT with :path',
    request([
      [':method', 'CONNECT'],
      [':authority', 'a:1'],
      [':path', '/'],
    ]),
  ),
  malformed(
    '8.5',
    'CONNECT without :authority',
    request([
      [':method', 'CONNECT'],
      ['host', 'a:1'],
    ]),
  ),
  ...(
    [
      [':protocol without CONNECT', instead([':protocol', 'websocket'])],
      ['an empty :protocol', instead([':method', 'CONNECT'], [':protocol', ''])],
      [':protocol that is no token', instead([':method', 'CONNECT'], [':protocol', 'web socket'])],
      [':protocol twice', instead([':method', 'CONNECT'], [':protocol', 'websocket'], [':protocol', 'websocket'])],
      [
        'extended CONNECT without :scheme',
        request(
          requestFields([
            [':method', 'CONNECT'],
            [':protocol', 'websocket'],
          ]).filter(([name]) => name !== ':scheme'),
        ),
      ],
      [
        'extended CONNECT without :path',
        request(
          requestFields([
            [':method', 'CONNECT'],
            [':protocol', 'websocket'],
          ]).filter(([name]) => name !== ':path'),
        ),
      ],
      [
        'extended CONNECT without :authority',
        request([
          ...requestFields([
            [':method', 'CONNECT'],
            [':protocol', 'websocket'],
          ]).filter(([name]) => name !== ':authority'),
          ['host', 'example.com'],
        ]),
      ],
    ] as const
  ).map(([what, send]): Breach => ({ ...malformed('', what, send), clause: 'RFC 8441 4' })),
];

export const MESSAGE_BREACHES: readonly Breach[] = [
  ...FRAMING,
  ...LENGTHS,
  ...FIELDS,
  ...CONNECTION,
  ...PSEUDO,
  ...CONTROL,
  ...CONNECT,
];
