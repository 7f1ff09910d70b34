// Our HTTP/2 engine against Node's (nghttp2), which nobody here has written: the same bytes, the same verdict and the same messages. Where
// the two differ, the rule that decides stands beside it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { FrameSender, requestFields } from '../support/frame-sender.ts';
import { type Breach, titleOf } from '../support/http2-breach.ts';
import { FRAME_BREACHES } from '../support/http2-frame-breaches.ts';
import { FLAG, FRAME, PREFACE } from '../support/http2-frames.ts';
import { MESSAGE_BREACHES } from '../support/http2-message-breaches.ts';
import { type HeardStream, SessionPeer } from '../support/http2-session.ts';
import { STREAM_BREACHES } from '../support/http2-stream-breaches.ts';
import { Conversation } from './http2-conversations.ts';
import { fuzzRounds, fuzzSeed, Mutator } from './mutate.ts';
import { NodeServer, type StreamVerdict, type Verdict } from './node-http2.ts';

let node: NodeServer;
before(async () => {
  node = await NodeServer.start();
});
after(() => node.stop());

/** Keeps what it is to send. */
class Collector extends FrameSender<void> {
  readonly #parts: Buffer[] = [];

  send(bytes: Buffer | string): void {
    this.#parts.push(Buffer.from(bytes as string, 'latin1'));
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

interface Difference {
  /** Of the breaches that it is about. */
  readonly title: RegExp;
  /** What Node makes of them. */
  readonly node: string;
  /** Why that is no reason to do as it does. */
  readonly because: string;
}

const ENDPOINT_MAY = 'RFC 9113 5.4.1: "an endpoint MAY choose to treat a stream error as a connection error"';

const DIFFERENCES: readonly Difference[] = [
  { title: /PRIORITY of \d octets is a stream/, node: 'connection FRAME_SIZE_ERROR', because: ENDPOINT_MAY },
  { title: /behind (?:HEADERS|DATA) with END_STREAM/, node: 'connection STREAM_CLOSED', because: ENDPOINT_MAY },
  { title: /DATA behind trailers/, node: 'connection STREAM_CLOSED', because: ENDPOINT_MAY },
  { title: /WINDOW_UPDATE of a stream by 0/, node: 'connection PROTOCOL_ERROR', because: ENDPOINT_MAY },
  { title: /a stream window beyond/, node: 'connection FLOW_CONTROL_ERROR', because: ENDPOINT_MAY },
  { title: /HEADERS on a stream that depends on itself/, node: 'connection PROTOCOL_ERROR', because: ENDPOINT_MAY },
  {
    title: /8\.1\.1: .*more content than|8\.1\.1: content with/,
    node: 'connection INTERNAL_ERROR',
    because: ENDPOINT_MAY,
  },
  {
    title: /padding leaves no room for its priority/,
    node: 'connection PROTOCOL_ERROR',
    because: 'RFC 9113 5.4: "a generic error code […] can always be used in place of more specific error codes"',
  },
  {
    title: /PRIORITY on stream 0/,
    node: 'accepted',
    because:
      'RFC 9113 6.3: "the recipient MUST respond with a connection error"; it ignores the old priorities altogether',
  },
  {
    title: /PRIORITY of a stream that depends on itself/,
    node: 'accepted',
    because: 'RFC 7540 5.3.1, which RFC 9113 5.3.2 leaves to whoever still looks at priorities',
  },
  {
    title: /behind RST_STREAM|on a stream that was passed over/,
    node: 'accepted',
    because:
      'RFC 9113 5.1: "An endpoint MAY treat receipt of any other type of frame on a closed stream as a connection error"',
  },
  {
    title: /PRIORITY_UPDATE/,
    node: 'accepted',
    because: 'RFC 9218 7.1, which it was not asked to follow',
  },
  {
    title: /ENABLE_CONNECT_PROTOCOL taken back/,
    node: 'accepted',
    because: 'RFC 8441 3: "A sender MUST NOT send" it, without a word on who does',
  },
  {
    title: /content beyond the stream window/,
    node: 'accepted',
    because: 'its reader takes the content at once, ours does not',
  },
  {
    title: /8\.2\.1: /,
    node: 'accepted',
    because: 'RFC 9113 8.2.1: a message with such a field "MUST be treated as malformed"; it drops the field',
  },
  {
    title: /8\.3\.1: :authority of example\.com with host/,
    node: 'accepted',
    because:
      'RFC 9113 8.3.1: "A server SHOULD treat a request as malformed if it contains a Host header field that […] differs"',
  },
  {
    title: /:scheme of "ftp"/,
    node: 'accepted',
    because: 'RFC 9113 8.3.1 lets a gateway translate other schemes; this one does not',
  },
  {
    title: /:path of "\/a#b"|:path of "\/\x80"/,
    node: 'accepted',
    because:
      'RFC 9112 3.2.1: a request target has no fragment and is ASCII, and it is where the path goes (RFC 9113 10.3)',
  },
];

function describe({ goaway, streams }: Verdict, streamId: number | undefined): string {
  if (goaway !== '') return `connection ${goaway}`;
  const reset = streamId === undefined ? '' : (streams.get(streamId)?.reset ?? '');
  return reset === '' ? 'accepted' : `stream ${reset}`;
}

for (const breach of [...FRAME_BREACHES, ...STREAM_BREACHES, ...MESSAGE_BREACHES] satisfies Breach[]) {
  const title = titleOf(breach);
  const difference = DIFFERENCES.find((known) => known.title.test(title));
  test(`${title}, ${difference ? `where Node has ${difference.node}` : 'as with Node'}`, async () => {
    const collector = new Collector();
    collector.preface();
    collector.frame(FRAME.settings, FLAG.ack, 0);
    collector.headers(1, requestFields([[':method', 'POST']], [[':path', '/hold']]));
    breach.send(collector);
    const ours = `${breach.streamId === undefined ? 'connection' : 'stream'} ${breach.code}`;
    const theirs = describe(await node.judge(collector.bytes), breach.streamId);
    // Of what one difference is about, some may be met in the same way.
    if (theirs !== ours) assert.equal(theirs, difference?.node);
  });
}

/** A request as both engines give it: its pseudo-fields, the fields that are not about framing, its cookies and its content. */
type Message = readonly [pseudo: readonly string[], fields: readonly string[], cookies: string, content: string];

const FRAMING = new Set(['cookie', 'te', 'host', 'content-length']);

function ourMessage({ fields, content }: HeardStream): Message {
  const lines = fields.text.split('\r\n').filter((line) => line !== '');
  const cookies = lines.find((line) => line.startsWith('cookie: ')) ?? 'cookie: ';
  const others = lines.filter((line) => !line.startsWith('cookie: '));
  const { method, scheme, authority, path } = fields;
  return [[method, scheme, authority ?? '', path ?? ''], others, cookies.slice('cookie: '.length), content];
}

function nodeMessage({ fields, content }: StreamVerdict): Message {
  const valueFor = (wanted: string) => fields.find(([name]) => name === wanted)?.[1] ?? '';
  const others = fields.filter(([name]) => !name.startsWith(':') && !FRAMING.has(name));
  const cookies = fields.filter(([name]) => name === 'cookie').map(([, value]) => value);
  return [
    [':method', ':scheme', ':authority', ':path'].map(valueFor),
    others.map(([name, value]) => `${name}: ${value}`),
    cookies.join('; '),
    content,
  ];
}

test('generated conversations: the same messages, and the same streams in error', async (t) => {
  const seed = fuzzSeed();
  t.diagnostic(`TIDEGATE_FUZZ_SEED=${seed}`);
  const mutator = new Mutator(seed);
  let compared = 0;
  for (let round = 0; round < fuzzRounds(300); round++) {
    const bytes = Buffer.concat([Buffer.from(PREFACE, 'latin1'), ...new Conversation(mutator, 0).frames()]);
    const peer = new SessionPeer();
    peer.send(bytes);
    assert.equal(peer.failure, undefined, `round ${round}`);
    const theirs = await node.judge(bytes);
    // An acknowledgement of a PING that it has not sent ends the connection, as does content beyond content-length.
    if (theirs.goaway === 'INTERNAL_ERROR') continue;
    assert.equal(theirs.goaway, '', `round ${round}`);
    for (const [id, heard] of peer.heard) {
      const verdict = theirs.streams.get(id);
      assert.equal(verdict?.reset ?? '', peer.resets(id)[0] ?? '', `round ${round}, stream ${id}`);
      if (verdict?.reset !== '') continue;
      compared++;
      assert.deepEqual(nodeMessage(verdict), ourMessage(heard), `round ${round}, stream ${id}`);
      assert.equal(verdict.ended, heard.trailers !== undefined);
    }
  }
  t.diagnostic(`${compared} messages compared`);
  assert.ok(compared > fuzzRounds(300) / 2);
});
