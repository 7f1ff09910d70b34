// Probe: the endpoint accepts a connection and, where asked to, answers as it should.
import net from 'node:net';
import { defineProbe, type ProbeResult, type ProbeTarget } from '#model/probe.ts';
import { type Output, s } from '#schema/blocks.ts';

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
});

type Options = Output<typeof options>;

export const tcp = defineProbe({
  type: 'tcp',
  summary: 'The endpoint is healthy when it accepts a connection and, where asked to, answers with an expected text.',
  options,
  create: (given) => ({ check: (target, signal) => check(given, target, signal) }),
});

function check({ send, expect }: Options, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = net.connect(
      target.socketPath === '' ? { host: target.host, port: target.port } : { path: target.socketPath },
    );
    let answer = '';
    const finish = (healthy: boolean, reason: string) => {
      socket.destroy();
      resolve({ healthy, reason });
    };
    socket.setEncoding('latin1');
    socket.once('connect', () => {
      if (target.proxyHeader) socket.write(target.proxyHeader);
      if (send !== undefined) socket.write(send);
      if (expect === undefined) finish(true, 'connected');
    });
    socket.on('data', (text: string) => {
      if (expect === undefined) return;
      answer += text;
      if (answer.includes(Buffer.from(expect).toString('latin1'))) finish(true, 'answer as expected');
      else if (answer.length > MAX_ANSWER_BYTES) finish(false, 'the answer lacks the expected text');
    });
    socket.once('end', () => finish(false, 'closed before the expected answer'));
    socket.once('error', (error: NodeJS.ErrnoException) => finish(false, error.code ?? error.message));
    signal.addEventListener('abort', () => finish(false, 'timeout'), { once: true });
  });
}
