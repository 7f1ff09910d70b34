// RFC 9113 10.5: what honest clients do is served, and what costs much for nothing ends the connection with ENHANCE_YOUR_CALM.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TOO_LARGE } from '#wire/http2/client-session.ts';
import type { BreachKind } from '#wire/http2/http2-error.ts';
import { requestFields } from '../support/frame-sender.ts';
import { type FieldPair, hpackBlock, hpackIndexed, hpackLiteral } from '../support/hpack.ts';
import { FLAG, FRAME, SETTING, uint32 } from '../support/http2-frames.ts';
import { ServerPeer, SessionPeer } from '../support/http2-session.ts';

const POST = requestFields([[':method', 'POST']]);
const GET = requestFields();
const BLOCK = hpackBlock(requestFields());
const PRIORITY_UPDATE = 16;
const END = FLAG.endStream | FLAG.endHeaders;

// What honest clients do.

/** Answers each request on stream `id` at once. */
function answering(peer: SessionPeer, content: string | undefined): SessionPeer {
  peer.onRequest = ({ stream }) => {
    peer.session.respond(stream, { status: 200, lines: '', contentLength: -1 }, content === undefined);
    if (content === undefined) return;
    stream.send(Buffer.from(content));
    stream.end();
  };
  return peer;
}

for (const [what, send] of [
  [
    'opens the window of each stream as it opens the stream',
    (peer, id) => {
      peer.request(id, '/');
      peer.windowUpdate(id, 10_000_000);
    },
  ],
  [
    'sends a priority with each request, and changes it',
    (peer, id) => {
      peer.frame(PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(id), Buffer.from('u=1')]));
      peer.request(id, '/', { fields: [['priority', 'u=2']] });
      peer.frame(PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(id), Buffer.from('u=5, i')]));
    },
  ],
  [
    'sends a frame that nobody knows with each request',
    (peer, id) => {
      peer.request(id, '/');
      peer.frame(0x0b, 0, id, 'grease');
    },
  ],
  [
    'ends each request with an empty frame',
    (peer, id) => {
      peer.headers(id, POST);
      peer.data(id, '');
      peer.data(id, '', FLAG.endStream);
    },
  ],
  [
    'gives up half of what it asks for',
    (peer, id) => {
      peer.request(id, '/');
      if (id % 4 === 1) peer.rst(id);
    },
  ],
  [
    'asks with PING whether the connection is well before each request',
    (peer, id) => {
      peer.ping();
      peer.request(id, '/');
    },
  ],
] satisfies [string, (peer: SessionPeer, id: number) => void][]) {
  test(`a client that ${what} is served, 5000 times within a second`, () => {
    const peer = answering(SessionPeer.opened(), undefined);
    for (let id = 1; id < 10_000; id += 2) send(peer, id);
    assert.deepEqual(peer.breaches, []);
    assert.equal(peer.heard.size, 5000);
  });
}

for (const [what, octets] of [
  ['large', 16_384],
  ['small', 10],
] as const) {
  test(`a client that gives back the room of each of 5000 ${what} frames at once, and pings with each, is served`, () => {
    const peer = SessionPeer.opened({}, [[SETTING.initialWindowSize, 1_000_000]]);
    peer.windowUpdate(0, 1_000_000);
    peer.request(1, '/');
    const { stream } = peer.requestOn(1);
    peer.session.respond(stream, { status: 200, lines: '', contentLength: -1 }, false);
    for (let frames = 0; frames < 5000; frames++) {
      stream.send(Buffer.alloc(octets));
      peer.turn();
      peer.windowUpdate(0, octets);
      peer.windowUpdate(1, octets);
      peer.ping();
    }
    assert.deepEqual(peer.breaches, []);
  });
}

test('a browser that leaves a page gives up all streams of it at once, and then asks for as many', () => {
  for (const maxStreams of [100, 1000]) {
    const peer = SessionPeer.opened({ maxStreams });
    let id = 1;
    for (let pages = 0; pages < 2; pages++) {
      const first = id;
      for (; id < first + 2 * maxStreams; id += 2) peer.request(id, '/');
      for (let given = first; given < id; given += 2) peer.rst(given);
      peer.time += 1000;
    }
    peer.request(id, '/');
    assert.deepEqual(peer.breaches, []);
    assert.ok(peer.heard.has(id));
  }
});

test('streams that were opened long ago may all be given up within a second', () => {
  const peer = SessionPeer.opened({ maxStreams: 1000 });
  for (let id = 1; id < 2000; id += 2) peer.request(id, '/');
  peer.time += 60_000;
  for (let id = 1; id < 2000; id += 2) peer.rst(id);
  assert.deepEqual(peer.breaches, []);
});

test('what was too much within ten seconds may come again afterwards', () => {
  const peer = SessionPeer.opened();
  for (let periods = 0; periods < 5; periods++) {
    for (let pings = 0; pings < 1000; pings++) peer.ping();
    peer.time += 10_000;
  }
  assert.deepEqual(peer.breaches, []);
});

// What others do.

interface Attack {
  readonly what: string;
  readonly kind: BreachKind;
  /** The attack ends the connection within so many steps. */
  readonly steps: number;
  readonly step: (peer: SessionPeer, step: number) => unknown;
}

/** A request, and what makes us reset it; what that is counted as, if not as a reset of the client. */
type Breach = readonly [string, readonly FieldPair[], (peer: SessionPeer, id: number) => void, BreachKind?];

/** Whatever makes us reset a stream is as good as a reset of the client (CVE-2025-8671, "made you reset"). */
const MADE_YOU_RESET = (
  [
    ['WINDOW_UPDATE by 0', GET, (peer, id) => peer.windowUpdate(id, 0)],
    ['WINDOW_UPDATE beyond the limit', GET, (peer, id) => peer.windowUpdate(id, 2 ** 31 - 1)],
    ['PRIORITY of a wrong length', GET, (peer, id) => peer.frame(FRAME.priority, 0, id, 'x')],
    [
      'PRIORITY on itself',
      GET,
      (peer, id) => peer.frame(FRAME.priority, 0, id, Buffer.concat([uint32(id), uint32(0)]).subarray(0, 5)),
    ],
    ['DATA behind the end', GET, (peer, id) => peer.data(id, 'x')],
    ['HEADERS behind the end', GET, (peer, id) => peer.headers(id, [['x', 'y']], FLAG.endStream)],
    ['HEADERS that do not end', POST, (peer, id) => peer.headers(id, [['x', 'y']]), 'malformed-flood'],
    ['malformed trailers', POST, (peer, id) => peer.headers(id, [['X', 'y']], FLAG.endStream), 'malformed-flood'],
    ['too much content', [...POST, ['content-length', '0']], (peer, id) => peer.data(id, 'x'), 'malformed-flood'],
    ['malformed requests', [...POST, ['Upper', '1']], () => {}, 'malformed-flood'],
  ] as readonly Breach[]
).map(
  ([what, request, breach, kind = 'rapid-reset']): Attack => ({
    what: `a flood of resets made by ${what}`,
    kind,
    steps: 300,
    step: (peer, step) => {
      const id = 2 * step + 1;
      peer.headers(id, request, request === GET ? FLAG.endStream : 0);
      breach(peer, id);
    },
  }),
);

const FLOODS: readonly Attack[] = [
  {
    what: 'a flood of streams that are reset (CVE-2023-44487)',
    kind: 'rapid-reset',
    steps: 300,
    step: (peer, step) => {
      peer.request(2 * step + 1, '/');
      peer.rst(2 * step + 1);
    },
  },
  {
    what: 'a flood of streams that are refused',
    kind: 'refused-flood',
    steps: 1200,
    step: (peer, step) => peer.headers(2 * step + 1, POST),
  },
  {
    what: 'a flood of CONTINUATION (CVE-2024-27316)',
    kind: 'continuation-flood',
    steps: 100,
    step: (peer, step) =>
      peer.frame(step === 0 ? FRAME.headers : FRAME.continuation, 0, 1, hpackLiteral(['x-field', 'value'])),
  },
  {
    what: 'a flood of empty CONTINUATION',
    kind: 'continuation-flood',
    steps: 100,
    step: (peer, step) => peer.frame(step === 0 ? FRAME.headers : FRAME.continuation, 0, 1),
  },
  {
    what: 'a flood of large CONTINUATION',
    kind: 'continuation-flood',
    steps: 6,
    step: (peer, step) => peer.frame(step === 0 ? FRAME.headers : FRAME.continuation, 0, 1, Buffer.alloc(16_384)),
  },
  { what: 'a flood of SETTINGS (CVE-2019-9515)', kind: 'settings-flood', steps: 110, step: (peer) => peer.settings() },
  { what: 'a flood of PING (CVE-2019-9512)', kind: 'ping-flood', steps: 1010, step: (peer) => peer.ping() },
  {
    what: 'a flood of acknowledgements of PING',
    kind: 'ping-flood',
    steps: 1010,
    step: (peer) => peer.frame(FRAME.ping, FLAG.ack, 0, '8 octets'),
  },
  {
    what: 'a flood of PRIORITY (CVE-2019-9513)',
    kind: 'priority-flood',
    steps: 1010,
    step: (peer, step) => peer.frame(FRAME.priority, 0, 2 * step + 1, Buffer.alloc(5)),
  },
  {
    what: 'a flood of PRIORITY_UPDATE',
    kind: 'priority-flood',
    steps: 1010,
    step: (peer, step) => peer.frame(PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(2 * step + 1), Buffer.from('u=1')])),
  },
  {
    what: 'a flood of empty DATA (CVE-2019-9518)',
    kind: 'empty-data-flood',
    steps: 210,
    step: (peer, step) => (step === 0 ? peer.headers(1, POST) : peer.data(1, '')),
  },
  {
    what: 'a flood of WINDOW_UPDATE',
    kind: 'window-update-flood',
    steps: 1010,
    step: (peer) => peer.windowUpdate(0, 1),
  },
  {
    what: 'a flood of unknown frames',
    kind: 'unknown-frame-flood',
    steps: 1010,
    step: (peer) => peer.frame(0x42, 0, 0, 'what'),
  },
  {
    what: 'a window that is opened octet by octet (CVE-2019-9511)',
    kind: 'window-update-flood',
    steps: 1010,
    step: (peer, step) => {
      if (step > 0) return peer.windowUpdate(1, 1);
      peer.settings([SETTING.initialWindowSize, 0]);
      peer.request(1, '/');
      return peer.respond(1, {}, 'x'.repeat(100_000));
    },
  },
];

for (const { what, kind, steps, step } of [...FLOODS, ...MADE_YOU_RESET]) {
  test(`${what} ends the connection with ENHANCE_YOUR_CALM`, () => {
    const peer = SessionPeer.opened();
    let at = 0;
    for (; at < steps && !peer.failure; at++) step(peer, at);
    assert.equal(peer.failure?.kind, kind, `after ${at} steps`);
    assert.equal(peer.goaways.at(-1)?.code, 'ENHANCE_YOUR_CALM');
  });
}

test('HEADERS behind the last GOAWAY are decoded for nothing, and so not without end', () => {
  const peer = SessionPeer.opened();
  peer.headers(1, POST);
  peer.session.announceEnd();
  peer.session.endStreams();
  for (let id = 3; id < 3000 && !peer.failure; id += 2) peer.request(id, '/');
  assert.equal(peer.failure?.kind, 'refused-flood');
});

/** A field of 4032 octets, as the RFC counts them, which the dynamic table keeps. */
const LARGE: FieldPair = ['x-bomb', 'x'.repeat(3994)];
const NEWEST = hpackIndexed(62);

/** A request whose list names the large field so often, the first time as a literal that is kept. */
function named(times: number): Buffer {
  return Buffer.concat([BLOCK, hpackLiteral(LARGE, 'kept'), ...Array.from({ length: times - 1 }, () => NEWEST)]);
}

test('RFC 9113 10.5.1: a list of up to four times the limit costs its request alone, and the table stays in step', () => {
  const peer = SessionPeer.opened();
  peer.frame(FRAME.headers, END, 1, named(16));
  const { fields, isTooLarge } = peer.requestOn(1);
  assert.equal(isTooLarge, true);
  assert.ok(fields.text.length <= 16_384);
  peer.respond(1, { status: 431 });
  peer.frame(FRAME.headers, END, 3, Buffer.concat([BLOCK, NEWEST]));
  assert.equal(peer.requestOn(3).isTooLarge, false);
  assert.match(peer.requestOn(3).fields.text, /x-bomb/);
  assert.deepEqual(peer.breaches, []);
});

for (const [what, block] of [
  ['one large field that is named again and again (CVE-2016-6581)', named(10_000)],
  ['a little more than four times the limit', named(17)],
  ['many small fields', Buffer.concat([BLOCK, ...Array.from({ length: 2000 }, () => hpackLiteral(['x', '']))])],
] as const) {
  test(`RFC 9113 10.5.1: a list of ${what} is a connection error of type ENHANCE_YOUR_CALM`, () => {
    const peer = SessionPeer.opened();
    peer.request(1, '/hold');
    for (const at of Array.from({ length: Math.ceil(block.length / 16_384) }, (_, index) => index * 16_384)) {
      const isLast = at + 16_384 >= block.length;
      const [type, flags] = at === 0 ? [FRAME.headers, FLAG.endStream] : [FRAME.continuation, 0];
      peer.frame(type, flags | (isLast ? FLAG.endHeaders : 0), 3, block.subarray(at, at + 16_384));
    }
    assert.equal(peer.failure?.kind, 'header-bomb');
    assert.deepEqual(peer.goaways, [{ lastStreamId: 1, code: 'ENHANCE_YOUR_CALM' }]);
    assert.equal(peer.heard.has(3), false);
    assert.equal(peer.requestOn(1).loss?.by, 'connection');
  });
}

test('RFC 9113 10.5.1: trailers that decode to more than four times the limit are no different', () => {
  const peer = SessionPeer.opened();
  peer.headers(1, POST);
  peer.frame(FRAME.headers, END, 1, named(17).subarray(BLOCK.length));
  assert.equal(peer.failure?.kind, 'header-bomb');
});

test('RFC 9113 10.5.1: a response that decodes to more than four times the limit ends its connection, and is told apart', () => {
  const peer = ServerPeer.opened();
  const [first, second] = [peer.ask(), peer.ask()];
  const status = hpackBlock([[':status', '200']]);
  peer.frame(FRAME.headers, END, 1, Buffer.concat([status, named(17).subarray(BLOCK.length)]));
  assert.equal(peer.failure?.kind, 'header-bomb');
  assert.deepEqual([first.loss?.by, first.loss?.reason], ['breach', TOO_LARGE]);
  assert.equal(second.loss?.by, 'connection');
  assert.deepEqual(
    peer.goaways.map(({ code }) => code),
    ['ENHANCE_YOUR_CALM'],
  );
});

for (const [what, send] of [
  ['of many requests for little', (peer, step) => peer.request(2 * step + 1, '/')],
  [
    'of many requests for nothing',
    (peer, step) =>
      peer.request(2 * step + 1, '/', {
        fields: [
          [':method', 'HEAD'],
          ['cookie', `${step}`],
        ],
      }),
  ],
] satisfies [string, (peer: SessionPeer, step: number) => void][]) {
  test(`answers ${what} that nobody reads are bounded`, () => {
    const peer = SessionPeer.opened();
    let written = 0;
    let requests = 0;
    peer.onRequest = ({ stream, fields }) => {
      requests++;
      const isHead = fields.method === 'HEAD';
      peer.session.respond(
        stream,
        { status: 200, lines: `x-field: ${requests}${'x'.repeat(500)}\r\n`, contentLength: -1 },
        isHead,
      );
      if (!isHead && !stream.sendWhole('little')) {
        stream.send(Buffer.from('little'));
        stream.end();
      }
    };
    const write = peer.write.bind(peer);
    peer.write = (bytes) => {
      written += bytes.length;
      return write(bytes);
    };
    peer.isSlow = true;
    for (let step = 0; step < 50_000 && !peer.failure; step++) send(peer, step);
    assert.ok(written < 1_000_000, `${written} octets`);
    // Either no more streams are taken until something is read, or it is over.
    assert.ok(peer.failure?.kind === 'unread-output' || peer.failure?.kind === 'refused-flood', `${requests} requests`);
  });
}

test('a client that reads nothing and gives all windows makes us write no more than a buffer or two', () => {
  const peer = SessionPeer.opened({}, [[SETTING.initialWindowSize, 2 ** 30]]);
  peer.windowUpdate(0, 2 ** 30);
  peer.isSlow = true;
  for (let id = 1; id < 200; id += 2) {
    peer.request(id, '/');
    peer.respond(id, {}, 'x'.repeat(100_000));
  }
  assert.deepEqual(peer.breaches, []);
  assert.ok(peer.of(FRAME.data).reduce((sum, { payload }) => sum + payload.length, 0) <= 2 * 65_536);
  peer.drain();
  for (let id = 1; id < 200; id += 2) assert.equal(peer.contentOf(id).length, 100_000);
});

const fieldsOf = (count: number) => Array.from({ length: count }, (_, i): FieldPair => [`x-${i}`, '']);

test('RFC 9113 10.5.1: trailers of a request with more fields than a section may have end its stream', () => {
  const peer = SessionPeer.opened();
  for (const [id, count] of [
    [1, 100],
    [3, 101],
  ] as const) {
    peer.headers(id, POST);
    peer.headers(id, fieldsOf(count), FLAG.endStream);
  }
  assert.equal(peer.requestOn(1).trailers?.split('\r\n').length, 101);
  assert.deepEqual([peer.requestOn(3).loss?.reason, peer.resets(3)], ['too many trailers', ['PROTOCOL_ERROR']]);
});

test('RFC 9113 10.5.1: a response with more fields than a section may have ends its stream, as do such trailers', () => {
  const peer = ServerPeer.opened();
  const [fits, large, trailers] = [peer.ask(), peer.ask(), peer.ask()];
  peer.answer(1, 200, fieldsOf(100), FLAG.endStream);
  peer.answer(3, 200, fieldsOf(101), FLAG.endStream);
  peer.answer(5, 200);
  peer.headers(5, fieldsOf(101), FLAG.endStream);
  assert.deepEqual([fits.statuses, fits.trailers], [[200], '']);
  assert.deepEqual([large.statuses, large.loss?.reason], [[], TOO_LARGE]);
  assert.equal(trailers.loss?.reason, 'too many trailers');
  assert.equal(peer.failure, undefined);
});
