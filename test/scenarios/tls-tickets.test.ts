// Session tickets whose keys are rotated: good for two rotations, worthless after the third.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { ManualClock } from '#lib/clock.ts';
import { ManualTimers } from '#lib/manual-timers.ts';
import { TICKET_KEY_BYTES, TicketKeys } from '#memory/ticket-keys.ts';
import type { StreamReceiver } from '#model/byte-stream.ts';
import { TlsAcceptor } from '#net/tls-acceptor.ts';
import { TlsStream } from '#net/tls-stream.ts';
import { TicketRotation } from '#server/ticket-rotation.ts';
import { acceptedTransport } from '../support/accepted-transport.ts';
import { authority } from '../support/tls.ts';

const { cert, key } = authority.issue({ names: ['localhost'] });

/** A server, as one of several workers has it, that seals tickets with `ticketKeys`. Returns its port. */
async function listen(t: TestContext, ticketKeys: TicketKeys): Promise<number> {
  const acceptor = new TlsAcceptor({ options: { cert, key, sessionIdContext: 'tests' }, ticketKeys });
  const receiver: StreamReceiver = { bytes: () => true, drained() {}, ended() {}, closed() {} };
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    const stream = TlsStream.accept(acceptedTransport(socket), acceptor, receiver, () => {});
    t.after(() => stream.abort());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as net.AddressInfo).port;
}

async function connect(t: TestContext, port: number, options: tls.ConnectionOptions) {
  const session = Promise.withResolvers<Buffer>();
  const socket = tls.connect({ host: '127.0.0.1', port, servername: 'localhost', ca: authority.cert, ...options });
  socket.once('session', session.resolve);
  t.after(() => socket.destroy());
  await once(socket, 'secureConnect');
  return { isResumed: socket.isSessionReused(), session: session.promise };
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: a ticket is good until its key has been replaced three times, at another server too`, async (t) => {
    const clock = new ManualClock();
    const timers = new ManualTimers(clock);
    const keys = TicketKeys.create(new Uint8Array(TICKET_KEY_BYTES).fill(1));
    const rotation = new TicketRotation(keys, timers);
    rotation.every(1000);
    const first = await listen(t, keys);
    const second = await listen(t, new TicketKeys(keys.buffer));
    const { session } = await connect(t, first, { maxVersion });
    const ticket = await session;
    const outcomes: boolean[] = [];
    for (const port of [second, first, second, first]) {
      outcomes.push((await connect(t, port, { maxVersion, session: ticket })).isResumed);
      timers.pass(1000);
    }
    assert.deepEqual(outcomes, [true, true, true, false]);
    rotation.stop();
    assert.equal(timers.pending, 0);
  });
}

test('the interval of the rotation can change, and a reload that leaves it alone does not put it off', () => {
  const timers = new ManualTimers(new ManualClock());
  const keys = TicketKeys.create(new Uint8Array(TICKET_KEY_BYTES));
  const rotation = new TicketRotation(keys, timers);
  const { version } = keys;
  rotation.every(1000);
  timers.pass(900);
  rotation.every(1000);
  timers.pass(100);
  assert.equal(keys.version, version + 2);
  rotation.every(50);
  timers.pass(100);
  assert.equal(keys.version, version + 6);
});
