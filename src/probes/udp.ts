// Probe: the endpoint answers a datagram as it should.
import dgram from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { defineProbe, type ProbeResult, type ProbeTarget } from '#model/probe.ts';
import { type Output, s } from '#schema/blocks.ts';

/** Bytes as text, or in hexadecimal where they are none. */
const payload = s.union([
  s.string().transform((text) => Buffer.from(text)),
  s
    .object({
      hex: s
        .checked((text) =>
          /^(?:[0-9A-Fa-f]{2}| )+$/.test(text) ? undefined : `"${text}" is not hexadecimal, two digits a byte`,
        )
        .describe('The bytes as two digits each; blanks are passed over.'),
    })
    .transform(({ hex }) => Buffer.from(hex.replaceAll(' ', ''), 'hex')),
]);

const options = s.object({
  send: payload.describe('The datagram that is sent: text, or { hex: "00 ff" }.'),
  expect: payload.optional().describe('What the answer must contain, like send; any answer will do by default.'),
});

type Options = Output<typeof options>;

export const udp = defineProbe({
  type: 'udp',
  summary: 'The endpoint is healthy when it answers a datagram, and where asked to, with an expected text.',
  options: () => options,
  create: (given) => ({ check: (target, signal) => check(given, target, signal) }),
});

async function check({ send, expect }: Options, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  if (target.socketPath !== '') return { healthy: false, reason: 'a Unix socket takes no datagrams' };
  try {
    const { address, family } = await Promise.race([lookup(target.host), untilAborted(signal)]);
    const datagram = target.proxyHeader ? Buffer.concat([target.proxyHeader, send]) : send;
    const answer = await ask({ address, family, port: target.port }, datagram, signal);
    const healthy = expect === undefined || answer.includes(expect);
    return { healthy, reason: healthy ? 'answered' : 'the answer lacks the expected text' };
  } catch (error) {
    return {
      healthy: false,
      reason: signal.aborted ? 'timeout' : ((error as NodeJS.ErrnoException).code ?? 'no answer'),
    };
  }
}

/** Rejects when the signal aborts: a lookup takes no signal of its own. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

interface Place {
  readonly address: string;
  readonly family: number;
  readonly port: number;
}

/** The answer to a datagram. Rejects when the endpoint refuses it, and when the signal aborts. */
function ask({ address, family, port }: Place, datagram: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise<Buffer>((resolve, reject) => {
    // Closed by the signal too: by its end, which always comes, at the latest.
    const socket = dgram.createSocket({ type: family === 6 ? 'udp6' : 'udp4', signal });
    const settle = (action: () => void) => {
      socket.removeAllListeners();
      // A refusal of what was sent may still come before it is closed.
      socket.on('error', () => {});
      if (!signal.aborted) socket.close();
      action();
    };
    socket.once('close', () => settle(() => reject(new Error('closed'))));
    socket.once('error', (error) => settle(() => reject(error)));
    socket.once('message', (answer) => settle(() => resolve(answer)));
    socket.connect(port, address, (error?: Error) => {
      if (error) settle(() => reject(error));
      else if (!signal.aborted) socket.send(datagram);
    });
  });
}
