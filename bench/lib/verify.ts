// Sees to it that all peers do the same work before anything is timed: right answer, right length, the agreed fields on both
// sides, connections kept on both sides.
import { Agent, get, type IncomingMessage } from 'node:http';
import { type Resource, SEEN } from './origin.ts';
import { requestHeads } from './requests.ts';

interface Answer {
  readonly status: number | undefined;
  readonly via: string;
  readonly content: Buffer;
}

/** What the origin says that it saw of a request. */
interface Seen extends Readonly<Record<string, unknown>> {
  /** Requests so far on the connection that it came on. */
  readonly requests: number;
}

/** Throws when the peer on `port` does not do with a request of the benchmark what all are to do. */
export async function verifyPeer(name: string, port: number, { name: resource, bytes }: Resource): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const [head = ''] = requestHeads(resource);
    const problem =
      problemOfAnswer(await ask(agent, port, head), bytes) ??
      (await problemAtOrigin(() => ask(agent, port, requestHeads(SEEN)[0] ?? '')));
    if (problem) throw new Error(`${name} ${problem}: the comparison would not be one`);
  } finally {
    agent.destroy();
  }
}

function problemOfAnswer({ status, via, content }: Answer, bytes: number): string | undefined {
  if (status !== 200) return `answers ${status}`;
  if (!via.startsWith('1.1 ')) return 'adds no Via to responses';
  if (content.length !== bytes) return `sends ${content.length} bytes of content instead of ${bytes}`;
  return undefined;
}

async function problemAtOrigin(askOrigin: () => Promise<Answer>): Promise<string | undefined> {
  await askOrigin();
  const { content } = await askOrigin();
  const seen = JSON.parse(content.toString('latin1')) as Seen;
  const expected: Readonly<Record<string, RegExp>> = {
    host: /^h0\.example\.com$/,
    via: /^1\.1 ./,
    'x-forwarded-for': /^127\.0\.0\.1$/,
    'x-forwarded-proto': /^http$/,
    'x-forwarded-host': /^h0\.example\.com$/,
    cookie: /^session=/,
  };
  const wrong = Object.keys(expected).find((field) => !expected[field]?.test(String(seen[field])));
  if (wrong !== undefined) return `sends the origin ${wrong}: ${JSON.stringify(seen[wrong])}`;
  return seen.requests > 1 ? undefined : 'keeps no connection to the origin';
}

/** Sends a head of the benchmark, whose lines Node.js is given as they are. */
async function ask(agent: Agent, port: number, head: string): Promise<Answer> {
  const [requestLine = '', ...lines] = head.trimEnd().split('\r\n');
  const headers = lines.flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]);
  const options = { agent, port, host: '127.0.0.1', path: requestLine.split(' ')[1], headers };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(options, resolve).once('error', reject);
  });
  const content = await response.toArray();
  return { status: response.statusCode, via: String(response.headers.via), content: Buffer.concat(content) };
}
