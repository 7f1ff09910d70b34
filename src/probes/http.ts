// Probe: the endpoint answers an HTTP request as it should.
import type { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { compileLinearRegExp, linearRegExpProblem } from '#lib/linear-regexp.ts';
import { plainReason } from '#model/plain-reason.ts';
import { defineProbe, type ProbeTarget } from '#model/probe.ts';
import { formatAddress } from '#schema/address.ts';
import { type Output, s } from '#schema/blocks.ts';
import { probeConnection, type Settle, TlsChoice, tlsOption } from './connection.ts';
import { askHttp1, askHttp2, type ProbeAnswer } from './http-question.ts';

/** Content beyond this is not read. */
const MAX_BODY_BYTES = 65536;

const options = s.object({
  path: s
    .checked((text) => (/^[!-~]+$/.test(text) ? undefined : 'a target holds no blanks, and other characters as %20'))
    .prefault('/')
    .describe('Target of the request.'),
  method: s.method().prefault('GET').describe('Method.'),
  host: s.fieldValue().optional().describe('Host field; the address of the endpoint by default.'),
  headers: s.fields(s.fieldValue()).default({}).describe('More fields by name.'),
  tls: tlsOption,
  protocol: s
    .enum(['http1', 'http2', 'auto'])
    .optional()
    .describe(
      "What is spoken: http1, http2, or what the endpoint chooses by ALPN; as the upstream's requests do by default, and http1 on a port of its own.",
    ),
  status: s
    .list(s.union([s.integer({ min: 100, max: 599 }), s.checked(statusesProblem)]))
    .default(['2xx', '3xx'])
    .describe('Statuses that are healthy: 200, 2xx, "200-204", or a list of them.'),
  'expect-headers': s
    .fields(s.union([s.string(), s.object({ matches: s.checked(linearRegExpProblem) })]))
    .default({})
    .describe('Fields that the response must have, by name: a value, or { matches: linear-time regular expression }.'),
  body: s.string().optional().describe('Text that the content must contain within its first 64 KiB.'),
  'body-matches': s
    .checked(linearRegExpProblem)
    .optional()
    .describe('Linear-time regular expression that must match within the first 64 KiB of the content.'),
});

type Options = Output<typeof options>;

/** What a response must be like. */
interface Expectations {
  /** Why status and fields are not as they should be; `undefined` when they are. */
  headProblem(answer: ProbeAnswer): string | undefined;
  /** `undefined` when any content is fine. */
  readonly isWanted: ((text: string) => boolean) | undefined;
}

export const httpProbe = defineProbe({
  type: 'http',
  summary: 'The endpoint is healthy when it answers a request with an expected status.',
  options: () => options,
  create(given) {
    const name = given.host?.replace(/:\d+$/, '');
    const choices = {
      http1: new TlsChoice(given.tls, ['http/1.1'], name),
      http2: new TlsChoice(given.tls, ['h2'], name),
      auto: new TlsChoice(given.tls, ['h2', 'http/1.1'], name),
    };
    const expectations = { headProblem: headTest(given), isWanted: contentTest(given) };
    return {
      check(target, signal) {
        const protocol = given.protocol ?? target.protocol ?? 'http1';
        const secured = choices[protocol].of(target);
        return probeConnection(target, secured, signal, (socket, settle) => {
          const isHttp2 = secured ? (socket as TLSSocket).alpnProtocol === 'h2' : protocol === 'http2';
          if (protocol === 'http2' && !isHttp2) {
            settle(false, 'the endpoint does not offer HTTP/2');
            return;
          }
          const question = { method: given.method, path: given.path, fields: fieldsOf(given, target) };
          const answered = (answer: ProbeAnswer) => judge(answer, expectations, settle);
          const failed = (error: Error) => settle(false, reasonOf(error));
          (isHttp2 ? askHttp2 : askHttp1)(socket, question, answered, failed);
        });
      },
    };
  },
});

/** The fields of the request, the first of which is Host. */
function fieldsOf(given: Options, target: ProbeTarget): Record<string, string> {
  return {
    host: inBytes(given.host ?? (target.socketPath === '' ? formatAddress(target) : 'localhost')),
    'user-agent': 'tidegate-probe',
    ...Object.fromEntries(Object.entries(given.headers).map(([name, value]) => [name, inBytes(value)])),
  };
}

/** Text as its bytes in UTF-8, each as one character: Node takes no others for a field. */
function inBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function judge(answer: ProbeAnswer, { headProblem, isWanted }: Expectations, settle: Settle): void {
  const problem = headProblem(answer);
  if (problem !== undefined) settle(false, problem);
  else if (isWanted) readBody(answer.content, isWanted, settle);
  else settle(true, `status ${answer.status}`);
}

function readBody(response: Readable, isWanted: (text: string) => boolean, settle: Settle): void {
  let text = '';
  const finish = () => {
    const healthy = isWanted(text);
    settle(healthy, healthy ? 'content as expected' : 'content is not as expected');
  };
  response.setEncoding('utf8');
  // Once a turn of the event loop, as content in chunks of a byte each would cost as many looks at all of it (measured: 22 s).
  let isDue = false;
  const look = () => {
    isDue = false;
    if (text.length > MAX_BODY_BYTES || isWanted(text)) finish();
  };
  response.on('data', (chunk: string) => {
    text += chunk;
    if (!isDue) setImmediate(look);
    isDue = true;
  });
  response.once('end', finish);
  response.on('error', (error) => settle(false, reasonOf(error)));
}

function headTest({ status: expected, 'expect-headers': fields }: Options): Expectations['headProblem'] {
  const tests = Object.entries(fields).map(([name, value]) => ({ name, isWanted: valueTest(value) }));
  return ({ status, headers }) => {
    if (!expected.some((one) => isExpected(status, one))) return `status ${status}`;
    for (const { name, isWanted } of tests) {
      const value = headers[name];
      if (value === undefined) return `the field ${name} is missing`;
      if (!isWanted(String(value))) return `the field ${name} is not as expected: ${String(value).slice(0, 100)}`;
    }
    return undefined;
  };
}

function valueTest(value: string | { readonly matches: string }): (text: string) => boolean {
  if (typeof value === 'string') return (text) => text === value;
  const expression = compileLinearRegExp(value.matches);
  return (text) => expression.test(text);
}

/** Tells whether content is as it should be; `undefined` when any is. */
function contentTest({ body, 'body-matches': expression }: Options): Expectations['isWanted'] {
  if (body === undefined && expression === undefined) return undefined;
  const compiled = expression === undefined ? undefined : compileLinearRegExp(expression);
  return (text) => (body === undefined || text.includes(body)) && (compiled?.test(text) ?? true);
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ERR_HTTP2_ERROR') return `the endpoint does not speak HTTP/2: ${error.message}`;
  return error.code?.startsWith('HPE_') ? `the answer is not HTTP: ${error.message}` : plainReason(error);
}

function isExpected(status: number, expected: number | string): boolean {
  if (typeof expected === 'number') return status === expected;
  const [first, last] = statusRange(expected);
  return status >= first && status <= last;
}

/** The first and the last status of `2xx` or `200-204`. */
function statusRange(text: string): readonly [first: number, last: number] {
  const [first = '', last = first] = text.split('-');
  return [Number(first.replace('xx', '00')), Number(last.replace('xx', '99'))];
}

function statusesProblem(text: string): string | undefined {
  const [first, last] = statusRange(text);
  return /^[1-5](?:xx|\d\d-[1-5]\d\d)$/.test(text) && first <= last
    ? undefined
    : `"${text}" is not a status, a class such as 2xx or a range such as 200-204`;
}
