// RFC 9113 in the client's role, towards endpoints: what a server may send, what each breach of it costs, and what becomes of requests
// when a connection ends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BreachKind } from '#wire/http2/http2-error.ts';
import type { ErrorName } from '#wire/http2/protocol.ts';
import { type FieldPair, hpackBlock, hpackIndexed, hpackLiteral } from '../support/hpack.ts';
import { FLAG, FRAME, SETTING, uint32 } from '../support/http2-frames.ts';
import { ServerPeer } from '../support/http2-session.ts';

const END = FLAG.endStream;

function assertUnharmed(peer: ServerPeer): void {
  assert.deepEqual(peer.breaches, []);
  assert.deepEqual(peer.goaways, []);
}

// The preface and requests.

test('RFC 9113 3.4, 8.4: SETTINGS comes first, and forbids to push', () => {
  const peer = new ServerPeer({ connectionWindow: 1_000_000, streamWindow: 70_000 });
  const [first] = peer.frames;
  assert.deepEqual([first?.type, first?.flags, first?.streamId], [FRAME.settings, 0, 0]);
  const payload = first?.payload ?? Buffer.alloc(0);
  const settings: Record<number, number> = {};
  for (let at = 0; at < payload.length; at += 6) settings[payload.readUInt16BE(at)] = payload.readUInt32BE(at + 2);
  assert.equal(settings[SETTING.enablePush], 0);
  assert.equal(settings[SETTING.initialWindowSize], 70_000);
  assert.equal(peer.granted(0), 1_000_000 - 65_535);
});

test('RFC 9113 8.3.1: a request has its pseudo-fields first, then its fields in lower case', () => {
  const peer = ServerPeer.opened();
  peer.ask({ method: 'POST', path: '/a?b', lines: 'X-Upper: A\r\nx-b: \xff\r\n', contentLength: 5 }, false);
  const [head] = peer.of(FRAME.headers, 1);
  assert.equal(head?.flags, FLAG.endHeaders);
  assert.deepEqual(head?.fields, [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':authority', 'example.com'],
    [':path', '/a?b'],
    ['x-upper', 'A'],
    ['x-b', '\xff'],
    ['content-length', '5'],
  ]);
});

test('RFC 9113 8.3.1: without an authority there is no :authority', () => {
  const peer = ServerPeer.opened();
  peer.ask({ authority: '' });
  assert.equal(
    peer.of(FRAME.headers, 1)[0]?.fields?.find(([name]) => name === ':authority'),
    undefined,
  );
});

test('RFC 9113 5.1.1: streams have odd numbers, each greater than the one before', () => {
  const peer = ServerPeer.opened();
  assert.deepEqual(
    [1, 2, 3].map(() => peer.ask().stream.id),
    [1, 3, 5],
  );
});

test('RFC 9113 5.1.2: as many streams are free as the server lets be', () => {
  const peer = new ServerPeer();
  assert.equal(peer.session.freeStreams, Number.POSITIVE_INFINITY);
  peer.settings([SETTING.maxConcurrentStreams, 2]);
  assert.equal(peer.session.freeStreams, 2);
  peer.ask();
  peer.ask();
  assert.equal(peer.session.freeStreams, 0);
  peer.settings([SETTING.maxConcurrentStreams, 1]);
  assert.equal(peer.session.freeStreams, 0);
  peer.answer(1, 204, [], END);
  assert.equal(peer.session.freeStreams, 0);
  peer.answer(3, 204, [], END);
  assert.equal(peer.session.freeStreams, 1);
  assertUnharmed(peer);
});

// Responses.

test('RFC 9113 8.1: a response is interim ones, a head, content and trailers', () => {
  const peer = ServerPeer.opened();
  const response = peer.ask();
  peer.answer(1, 103, [['link', '</a>']]);
  peer.answer(1, 200, [['x-a', '1']]);
  peer.data(1, 'some ');
  peer.data(1, '');
  peer.frame(FRAME.data, FLAG.padded, 1, '\x02more\0\0');
  peer.headers(1, [['x-trailer', '1']], END);
  assert.deepEqual(response.statuses, [103, 200]);
  assert.equal(response.heads[1]?.text, 'x-a: 1\r\n');
  assert.equal(response.content, 'some more');
  assert.equal(response.trailers, 'x-trailer: 1\r\n');
  assert.equal(peer.session.streams.size, 0);
  assertUnharmed(peer);
});

for (const [clause, what, head, status, fields] of [
  ['RFC 9113 8.1.1', 'a response to HEAD', { method: 'HEAD' }, 200, [['content-length', '10']]],
  ['RFC 9113 8.1.1', '304', {}, 304, [['content-length', '10']]],
  ['RFC 9110 8.6', '204', {}, 204, []],
  ['RFC 9113 8.1', 'a response without content', {}, 200, [['content-length', '0']]],
] satisfies [string, string, { method?: string }, number, FieldPair[]][]) {
  test(`${clause}: ${what} may end with HEADERS, or with empty DATA`, () => {
    for (const flags of [END, 0]) {
      const peer = ServerPeer.opened();
      const response = peer.ask(head);
      peer.answer(1, status, fields, flags);
      if (flags === 0) peer.data(1, '', END);
      assert.deepEqual([response.statuses, response.content, response.trailers], [[status], '', '']);
      assertUnharmed(peer);
    }
  });
}

for (const [what, status, length] of [
  ['200 that says it has no content', 200, '0'],
  ['200 that says how much it has', 200, '3'],
  ['204', 204, '0'],
] satisfies [string, number, string][]) {
  test(`RFC 9110 9.3.6: Content-Length in a successful response to CONNECT is ignored: ${what}`, () => {
    const peer = ServerPeer.opened();
    const response = peer.ask({ method: 'CONNECT', protocol: 'websocket' }, false);
    peer.answer(1, status, [['content-length', length]]);
    peer.data(1, 'tunnelled');
    peer.data(1, '', END);
    assert.deepEqual([response.statuses, response.content, response.trailers], [[status], 'tunnelled', '']);
    assertUnharmed(peer);
  });
}

test('RFC 9113 8.1.1: Content-Length of a response that refuses CONNECT counts', () => {
  const peer = ServerPeer.opened();
  const response = peer.ask({ method: 'CONNECT', protocol: 'websocket' }, false);
  peer.answer(1, 403, [['content-length', '1']]);
  peer.data(1, 'ab', END);
  assert.equal(response.loss?.code, 'PROTOCOL_ERROR');
});

test('RFC 9113 8.1: a response may be whole before the request is, and a reset without error takes nothing from it', () => {
  const peer = ServerPeer.opened();
  const response = peer.ask({ method: 'POST' }, false);
  peer.answer(1, 200);
  peer.data(1, 'early', END);
  assert.equal(response.trailers, '');
  peer.rst(1, 0);
  assert.equal(response.content, 'early');
  assert.equal(response.loss?.code, 'NO_ERROR');
  assert.equal(peer.session.streams.size, 0);
  assertUnharmed(peer);
});

test('RFC 9113 8.1: the rest of a request may follow a whole response', () => {
  const peer = ServerPeer.opened();
  const response = peer.ask({ method: 'POST' }, false);
  peer.answer(1, 200, [], END);
  response.stream.send(Buffer.from('rest'));
  response.stream.end();
  peer.turn();
  assert.equal(peer.contentOf(1), 'rest');
  assert.equal(peer.session.streams.size, 0);
  assert.equal(response.loss, undefined);
});

// Breaches.

interface ServerBreach {
  readonly clause: string;
  readonly what: string;
  /** Streams 1 and 3 wait for responses: to a GET, and to a POST whose content has not ended. */
  readonly send: (peer: ServerPeer) => unknown;
  readonly code: ErrorName;
  readonly kind?: BreachKind;
}

const ofConnection: readonly ServerBreach[] = (
  [
    [
      'RFC 9113 8.4',
      'PUSH_PROMISE',
      (peer) => peer.frame(FRAME.pushPromise, 4, 1, Buffer.concat([uint32(2), hpackIndexed(2)])),
    ],
    ['RFC 9113 6.5.2', 'ENABLE_PUSH of 1', (peer) => peer.settings([SETTING.enablePush, 1])],
    ['RFC 9113 5.1', 'HEADERS on an idle stream', (peer) => peer.answer(5, 200)],
    ['RFC 9113 5.1', 'HEADERS on a stream of the server', (peer) => peer.answer(2, 200)],
    ['RFC 9113 5.1', 'DATA on an idle stream', (peer) => peer.data(5, 'x')],
    ['RFC 9113 5.1', 'RST_STREAM on an idle stream', (peer) => peer.rst(5)],
    ['RFC 9113 5.1', 'WINDOW_UPDATE on an idle stream', (peer) => peer.windowUpdate(5, 1)],
    [
      'RFC 9218 7.1',
      'PRIORITY_UPDATE of a server',
      (peer) => peer.frame(16, 0, 0, Buffer.concat([uint32(1), Buffer.from('u=1')])),
    ],
    ['RFC 9113 6.9', 'WINDOW_UPDATE of the connection by 0', (peer) => peer.windowUpdate(0, 0)],
    ['RFC 9113 6.7', 'PING on a stream', (peer) => peer.frame(FRAME.ping, 0, 1, '8 octets')],
  ] satisfies [string, string, ServerBreach['send']][]
).map(([clause, what, send]) => ({ clause, what, send, code: 'PROTOCOL_ERROR' }));

const others: readonly ServerBreach[] = [
  {
    clause: 'RFC 9113 4.3',
    what: 'a header block that cannot be decoded',
    send: (peer) => peer.frame(FRAME.headers, FLAG.endHeaders, 1, Buffer.from([0x80])),
    code: 'COMPRESSION_ERROR',
  },
  {
    clause: 'RFC 9113 5.1',
    what: 'DATA behind the end of both sides',
    send: (peer) => {
      peer.answer(1, 200, [], END);
      peer.data(1, 'late');
    },
    code: 'STREAM_CLOSED',
  },
  {
    clause: 'RFC 9113 6.9.1',
    what: 'a connection window beyond 2^31-1',
    send: (peer) => peer.windowUpdate(0, 2 ** 31 - 1),
    code: 'FLOW_CONTROL_ERROR',
  },
  {
    clause: 'RFC 9113 10.5',
    what: 'a flood of PING',
    send: (peer) => {
      for (let pings = 0; pings < 1010 && !peer.failure; pings++) peer.ping();
    },
    code: 'ENHANCE_YOUR_CALM',
    kind: 'ping-flood',
  },
  {
    clause: 'RFC 9113 10.5',
    what: 'a header block without end',
    send: (peer) => {
      peer.frame(FRAME.headers, 0, 1, hpackLiteral(['x', 'y']));
      for (let more = 0; more < 100 && !peer.failure; more++) peer.frame(FRAME.continuation, 0, 1);
    },
    code: 'ENHANCE_YOUR_CALM',
    kind: 'continuation-flood',
  },
];

for (const { clause, what, send, code, kind = code } of [...ofConnection, ...others]) {
  test(`${clause}: ${what} is a connection error of type ${code}`, () => {
    const peer = ServerPeer.opened();
    peer.ask();
    const other = peer.ask({ method: 'POST' }, false);
    send(peer);
    assert.deepEqual(
      peer.goaways.map((goaway) => goaway.code),
      [code],
    );
    assert.deepEqual(peer.breaches, [kind]);
    assert.equal(other.loss?.by, 'connection');
    assert.equal(other.loss?.isUnprocessed, false);
    assert.equal(peer.session.isOpen, false);
  });
}

/** RFC 9113 8.1.1: "Clients MUST NOT accept a malformed response." */
const malformed: readonly (readonly [clause: string, what: string, send: ServerBreach['send']])[] = [
  ['8.3.2', 'no :status', (peer) => peer.headers(1, [['x', 'y']])],
  ['8.3.2', 'an empty section', (peer) => peer.headers(1, [])],
  [
    '8.3',
    ':status twice',
    (peer) =>
      peer.headers(1, [
        [':status', '200'],
        [':status', '200'],
      ]),
  ],
  [
    '8.3',
    ':status behind a field',
    (peer) =>
      peer.headers(1, [
        ['x', 'y'],
        [':status', '200'],
      ]),
  ],
  [
    '8.3',
    'a pseudo-field of requests',
    (peer) =>
      peer.headers(1, [
        [':status', '200'],
        [':path', '/'],
      ]),
  ],
  ...['', '20', '2000', '099', '600', ' 200', '+20', '2x0', '20\x00'].map(
    (status) =>
      [
        '8.3.2',
        `:status of ${JSON.stringify(status)}`,
        (peer: ServerPeer) => peer.headers(1, [[':status', status]]),
      ] as const,
  ),
  ['8.6', '101', (peer) => peer.answer(1, 101)],
  ['8.1', 'an interim response that ends the stream', (peer) => peer.answer(1, 103, [], END)],
  ['8.1', 'content before the head', (peer) => peer.data(1, 'x')],
  [
    '8.1',
    'content behind an interim response',
    (peer) => {
      peer.answer(1, 103);
      peer.data(1, 'x', END);
    },
  ],
  ['8.1', 'an end without a head', (peer) => peer.data(1, '', END)],
  [
    '8.1',
    'a second head',
    (peer) => {
      peer.answer(1, 200);
      peer.answer(1, 200);
    },
  ],
  [
    '8.1',
    'an interim response behind the final one',
    (peer) => {
      peer.answer(1, 200);
      peer.answer(1, 103);
    },
  ],
  [
    '8.1',
    'trailers that do not end the stream',
    (peer) => {
      peer.answer(1, 200);
      peer.headers(1, [['x-trailer', '1']]);
    },
  ],
  [
    '8.1',
    'trailers with :status',
    (peer) => {
      peer.answer(1, 200);
      peer.headers(1, [[':status', '200']], END);
    },
  ],
  ['8.2.2', 'transfer-encoding', (peer) => peer.answer(1, 200, [['transfer-encoding', 'chunked']])],
  ['8.2.2', 'connection', (peer) => peer.answer(1, 200, [['connection', 'close']])],
  ['8.2', 'an upper-case name', (peer) => peer.answer(1, 200, [['Server', 'x']])],
  ['8.2.1', 'LF in a value', (peer) => peer.answer(1, 200, [['x', 'a\nb']])],
  ['8.2.1', 'a colon in a name', (peer) => peer.answer(1, 200, [['x:y', 'a']])],
  [
    '8.1.1',
    'content-length twice',
    (peer) =>
      peer.answer(1, 200, [
        ['content-length', '1'],
        ['content-length', '1'],
      ]),
  ],
  ['8.1.1', 'content-length that is no number', (peer) => peer.answer(1, 200, [['content-length', '1, 1']])],
  [
    '8.1.1',
    'more content than content-length',
    (peer) => {
      peer.answer(1, 200, [['content-length', '1']]);
      peer.data(1, 'ab');
    },
  ],
  [
    '8.1.1',
    'less content than content-length',
    (peer) => {
      peer.answer(1, 200, [['content-length', '3']]);
      peer.data(1, 'ab', END);
    },
  ],
  ['8.1.1', 'content-length without content', (peer) => peer.answer(1, 200, [['content-length', '3']], END)],
  [
    '8.1.1',
    'content of 204',
    (peer) => {
      peer.answer(1, 204);
      peer.data(1, 'ab', END);
    },
  ],
  [
    '8.1.1',
    'content of 304',
    (peer) => {
      peer.answer(1, 304, [['content-length', '2']]);
      peer.data(1, 'ab', END);
    },
  ],
  ['6.9', 'WINDOW_UPDATE by 0', (peer) => peer.windowUpdate(1, 0)],
  ['10.5.1', 'a section that is too large', (peer) => peer.answer(1, 200, [['x-large', 'x'.repeat(16_384)]])],
];

for (const [section, what, send] of malformed) {
  test(`RFC 9113 ${section}: ${what} costs a response its stream, and no other`, () => {
    const peer = ServerPeer.opened();
    const response = peer.ask();
    const other = peer.ask({ method: 'POST' }, false);
    send(peer);
    assert.deepEqual(peer.resets(1), ['PROTOCOL_ERROR']);
    assert.deepEqual(peer.breaches, ['PROTOCOL_ERROR']);
    assert.equal(response.loss?.by, 'breach');
    peer.answer(3, 200);
    peer.data(3, 'whole', END);
    assert.equal(other.content, 'whole');
    assert.deepEqual(peer.goaways, []);
  });
}

test('RFC 9113 8.1.1: content of a response to HEAD costs the stream', () => {
  const peer = ServerPeer.opened();
  const response = peer.ask({ method: 'HEAD' });
  peer.answer(1, 200, [['content-length', '2']]);
  peer.data(1, 'ab', END);
  assert.deepEqual(peer.resets(1), ['PROTOCOL_ERROR']);
  assert.equal(response.loss?.by, 'breach');
});

test('RFC 9113 5.1: HEADERS behind END_STREAM cost the stream', () => {
  const peer = ServerPeer.opened();
  const response = peer.ask({ method: 'POST' }, false);
  peer.answer(1, 200, [], END);
  peer.headers(1, [['x', 'y']], END);
  assert.deepEqual(peer.resets(1), ['STREAM_CLOSED']);
  assert.equal(response.trailers, '');
});

// Resets and GOAWAY.

test('RFC 9113 8.7: a refused stream is unprocessed, one that was reset otherwise is not', () => {
  const peer = ServerPeer.opened();
  const [refused, cancelled] = [peer.ask(), peer.ask()];
  peer.rst(1, 7);
  peer.rst(3, 8);
  assert.deepEqual([refused.loss?.code, refused.loss?.isUnprocessed], ['REFUSED_STREAM', true]);
  assert.deepEqual([cancelled.loss?.code, cancelled.loss?.isUnprocessed], ['CANCEL', false]);
  assertUnharmed(peer);
});

test('RFC 9113 8.7: streams beyond the last one of GOAWAY are unprocessed, those before go on', () => {
  const peer = ServerPeer.opened();
  const [first, second] = [peer.ask(), peer.ask()];
  peer.frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(1), uint32(0)]));
  assert.equal(peer.session.isOpen, false);
  assert.equal(peer.session.freeStreams, 0);
  assert.deepEqual([second.loss?.code, second.loss?.isUnprocessed], ['REFUSED_STREAM', true]);
  peer.answer(1, 200, [], END);
  assert.equal(first.trailers, '');
  assertUnharmed(peer);
});

test('RFC 9113 6.8: a graceful end lets all streams go on until the second GOAWAY says which were not seen', () => {
  const peer = ServerPeer.opened();
  const [first, second] = [peer.ask(), peer.ask()];
  peer.frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(2 ** 31 - 1), uint32(0)]));
  assert.deepEqual([peer.session.isOpen, peer.session.streams.size], [false, 2]);
  peer.frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(1), uint32(0)]));
  assert.equal(second.loss?.isUnprocessed, true);
  peer.frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(2 ** 31 - 1), uint32(0)]));
  peer.answer(1, 200, [], END);
  assert.equal(first.trailers, '');
  assertUnharmed(peer);
});

test('RFC 9113 5.4.2: what comes for a stream that we have reset is ignored, but decoded and counted', () => {
  const peer = ServerPeer.opened({ connectionWindow: 65_535 });
  const response = peer.ask();
  response.stream.reset('CANCEL');
  peer.frame(
    FRAME.headers,
    FLAG.endHeaders,
    1,
    Buffer.concat([hpackBlock([[':status', '200']]), hpackLiteral(['x-kept', 'value'], 'kept')]),
  );
  for (let sent = 0; sent < 200_000; sent += 10_000) peer.data(1, Buffer.alloc(10_000));
  peer.data(1, '', END);
  const next = peer.ask();
  peer.frame(
    FRAME.headers,
    FLAG.endHeaders | END,
    3,
    Buffer.concat([hpackBlock([[':status', '200']]), hpackIndexed(62)]),
  );
  assert.equal(next.heads[0]?.text, 'x-kept: value\r\n');
  assert.ok(peer.granted(0) > 200_000 - 65_535);
  assertUnharmed(peer);
});

test('a server that resets as many streams as it likes is no attack', () => {
  const peer = ServerPeer.opened();
  for (let streams = 0; streams < 2000; streams++) {
    const { stream } = peer.ask();
    peer.rst(stream.id, 7);
  }
  assertUnharmed(peer);
});

test('RFC 9113 6.9.2: content of a request stays within the windows of the server', () => {
  const peer = ServerPeer.opened({}, [[SETTING.initialWindowSize, 10]]);
  const { stream } = peer.ask({ method: 'POST' }, false);
  assert.equal(stream.send(Buffer.alloc(100, 'x')), false);
  stream.end('x-trailer: 1\r\n');
  peer.turn();
  assert.equal(peer.contentOf(1).length, 10);
  peer.windowUpdate(1, 90);
  assert.equal(peer.contentOf(1).length, 100);
  assert.deepEqual(peer.of(FRAME.headers, 1)[1]?.fields, [['x-trailer', '1']]);
});
