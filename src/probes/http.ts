// Probe: the endpoint answers an HTTP request as it should.
import http from 'node:http';
import net from 'node:net';
import { compileLinearRegExp, linearRegExpProblem } from '#lib/linear-regexp.ts';
import { defineProbe, type ProbeResult, type ProbeTarget } from '#model/probe.ts';
import { type Output, s } from '#schema/blocks.ts';

/** Content beyond this is not read. */
const MAX_BODY_BYTES = 65536;

const options = s.object({
  path: s.string().prefault('/').describe('Target of the request.'),
  method: s.method().prefault('GET').describe('Method.'),
  host: s.fieldValue().optional().describe('Host field; the address of the endpoint by default.'),
  headers: s.record(s.fieldValue()).default({}).describe('More fields by name.'),
  status: s
    .list(s.union([s.integer({ min: 100, max: 599 }), s.enum(['1xx', '2xx', '3xx', '4xx', '5xx'])]))
    .default(['2xx', '3xx'])
    .describe('Statuses that are healthy: 200, 2xx, or a list of them.'),
  body: s.string().optional().describe('Text that the content must contain within its first 64 KiB.'),
  'body-matches': s
    .checked(linearRegExpProblem)
    .optional()
    .describe('Linear-time regular expression that must match within the first 64 KiB of the content.'),
});

type Options = Output<typeof options>;

export const httpProbe = defineProbe({
  type: 'http',
  summary: 'The endpoint is healthy when it answers a request with an expected status.',
  options,
  create(given) {
    const isWanted = contentTest(given);
    return { check: (target, signal) => check(given, isWanted, target, signal) };
  },
});

/** Tells whether content is as it should be; `undefined` when any is. */
function contentTest({ body, 'body-matches': expression }: Options): ((text: string) => boolean) | undefined {
  if (body === undefined && expression === undefined) return undefined;
  const compiled = expression === undefined ? undefined : compileLinearRegExp(expression);
  return (text) => (body === undefined || text.includes(body)) && (compiled?.test(text) ?? true);
}

function check(
  given: Options,
  isWanted: ((text: string) => boolean) | undefined,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const where =
      target.socketPath === '' ? { host: target.host, port: target.port } : { socketPath: target.socketPath };
    const request = http.request({
      ...where,
      method: given.method,
      path: given.path,
      headers: { 'user-agent': 'tidegate-probe', ...(given.host ? { host: given.host } : {}), ...given.headers },
      // Without an agent each request has a connection of its own; Node knows no agent that opens it otherwise.
      ...(target.proxyHeader ? { createConnection: () => connectWithHeader(target) } : { agent: false }),
      signal,
    });
    const fail = (error: NodeJS.ErrnoException) =>
      resolve({ healthy: false, reason: signal.aborted ? 'timeout' : (error.code ?? error.message) });
    request.once('error', fail);
    request.once('response', (response) => {
      const status = response.statusCode ?? 0;
      if (!isExpected(status, given.status)) {
        resolve({ healthy: false, reason: `status ${status}` });
        request.destroy();
      } else if (!isWanted) {
        resolve({ healthy: true, reason: `status ${status}` });
        request.destroy();
      } else {
        readBody(response, isWanted, resolve, fail);
      }
    });
    request.end();
  });
}

/** A connection that begins with the PROXY protocol header. */
function connectWithHeader({ host, port, socketPath, proxyHeader }: ProbeTarget): net.Socket {
  const socket = net.connect(socketPath === '' ? { host, port } : { path: socketPath });
  if (proxyHeader) socket.write(proxyHeader);
  return socket;
}

function readBody(
  response: http.IncomingMessage,
  isWanted: (text: string) => boolean,
  resolve: (result: ProbeResult) => void,
  fail: (error: Error) => void,
): void {
  let text = '';
  const finish = () => {
    const healthy = isWanted(text);
    resolve({ healthy, reason: healthy ? 'content as expected' : 'content is not as expected' });
    response.destroy();
  };
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    if (text.length > MAX_BODY_BYTES || isWanted(text)) finish();
  });
  response.once('end', finish);
  response.once('error', fail);
}

function isExpected(status: number, expected: readonly (number | string)[]): boolean {
  return expected.some((one) => one === status || one === `${Math.floor(status / 100)}xx`);
}
