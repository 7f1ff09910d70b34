// Probe: the endpoint accepts a connection and, where asked to, answers as it should.
import type { Socket } from 'node:net';
import { defineProbe } from '#model/probe.ts';
import { type Output, s } from '#schema/blocks.ts';
import { alpnProtocol, endpointTlsOptions } from '#schema/endpoint-tls.ts';
import { probeConnection, type Settle, TLS_DESCRIPTION, TlsChoice } from './connection.ts';

/** Bytes of an answer that are looked at. */
const MAX_ANSWER_BYTES = 65536;

const options = s.object({
  send: s
    .string()
    .optional()
    .describe('Text to send when the connection stands, such as "PING\\r\\n"; nothing by default.'),
  expect: s
    .string()
    .optional()
    .describe('Text that the answer must contain within its first 64 KiB; a connection is enough by default.'),
  tls: s
    .union([
      s.boolean(),
      endpointTlsOptions({
        alpn: s.array(alpnProtocol).default([]).describe('Protocols offered by ALPN; none by default.'),
      }),
    ])
    .optional()
    .describe(TLS_DESCRIPTION),
});

type Options = Output<typeof options>;

export const tcp = defineProbe({
  type: 'tcp',
  summary: 'The endpoint is healthy when it accepts a connection and, where asked to, answers with an expected text.',
  options: () => options,
  create(given) {
    const choice = new TlsChoice(given.tls, typeof given.tls === 'object' ? given.tls.alpn : [], undefined);
    return {
      check: (target, signal) =>
        probeConnection(target, choice.of(target), signal, (socket, settle) => talk(given, socket, settle)),
    };
  },
});

function talk({ send, expect }: Options, socket: Socket, settle: Settle): void {
  if (expect === undefined) {
    // Ended in order, so that the endpoint sees a whole handshake and logs no failure.
    socket.end(send ?? '', () => settle(true, 'connected'));
    return;
  }
  if (send !== undefined) socket.write(send);
  const expected = Buffer.from(expect).toString('latin1');
  let answer = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    answer += text;
    if (answer.includes(expected)) settle(true, 'answer as expected');
    else if (answer.length > MAX_ANSWER_BYTES) settle(false, 'the answer lacks the expected text');
  });
  socket.once('end', () => settle(false, 'closed before the expected answer'));
}
