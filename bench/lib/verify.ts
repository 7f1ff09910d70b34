// Sees to it that all peers do the same work before anything is timed: right answer, right length, the agreed fields.
import { connect } from 'node:net';
import { requestHeads } from './requests.ts';

export interface Expected {
  readonly resource: string;
  readonly bytes: number;
}

/** Throws when the peer on `port` does not answer a request of the benchmark as it should. */
export async function verifyAnswer(name: string, port: number, { resource, bytes }: Expected): Promise<void> {
  const [head = ''] = requestHeads(resource);
  const answer = await ask(port, head.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  const end = answer.indexOf('\r\n\r\n');
  const problem = !answer.startsWith('HTTP/1.1 200 ')
    ? `answers ${JSON.stringify(answer.slice(0, 80))}`
    : !/\r\nvia: 1\.1 /i.test(answer.slice(0, end + 2))
      ? 'adds no Via'
      : answer.length - end - 4 !== bytes
        ? `sends ${answer.length - end - 4} bytes of content instead of ${bytes}`
        : undefined;
  if (problem) throw new Error(`${name} ${problem}: the comparison would not be one`);
}

function ask(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(request, 'latin1'));
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
