// Sees to it that all peers do the same work before anything is timed: right answer, right length, the agreed fields on both
// sides, connections kept on both sides.
import { type Answer, openClient } from './bench-client.ts';
import type { Running } from './bench-run.ts';
import { type Resource, SEEN } from './origin.ts';
import { isSecure, type Protocol } from './protocol.ts';
import { requestHeads } from './requests.ts';

/** What the origin says that it saw of a request. */
interface Seen extends Readonly<Record<string, unknown>> {
  /** Requests so far on the connection that it came on. */
  readonly requests: number;
}

/** Throws when a peer does not do with a request of the benchmark what all are to do. */
export async function verifyPeer({ peer, port, protocol }: Running, { name, bytes }: Resource): Promise<void> {
  const client = openClient(port, protocol);
  try {
    const [head = ''] = requestHeads(name);
    const problem =
      problemOfAnswer(await client.ask(head), bytes) ??
      (await problemAtOrigin(() => client.ask(requestHeads(SEEN)[0] ?? ''), protocol));
    if (problem) throw new Error(`${peer.name} ${problem}: the comparison would not be one`);
  } finally {
    client.close();
  }
}

function problemOfAnswer({ status, via, content }: Answer, bytes: number): string | undefined {
  if (status !== 200) return `answers ${status}`;
  if (!via.startsWith('1.1 ')) return 'adds no Via to responses';
  if (content.length !== bytes) return `sends ${content.length} bytes of content instead of ${bytes}`;
  return undefined;
}

async function problemAtOrigin(askOrigin: () => Promise<Answer>, protocol: Protocol): Promise<string | undefined> {
  await askOrigin();
  const { content } = await askOrigin();
  const seen = JSON.parse(content.toString('latin1')) as Seen;
  const expected: Readonly<Record<string, RegExp>> = {
    host: /^h0\.example\.com$/,
    // Tidegate and RFC 9110 7.6.3 tell the version that was received; others write 1.1.
    via: /^(?:1\.1|2|2\.0) ./,
    'x-forwarded-for': /^127\.0\.0\.1$/,
    'x-forwarded-proto': isSecure(protocol) ? /^https$/ : /^http$/,
    'x-forwarded-host': /^h0\.example\.com$/,
    cookie: /^session=/,
  };
  const wrong = Object.keys(expected).find((field) => !expected[field]?.test(String(seen[field])));
  if (wrong !== undefined) return `sends the origin ${wrong}: ${JSON.stringify(seen[wrong])}`;
  return seen.requests > 1 ? undefined : 'keeps no connection to the origin';
}
