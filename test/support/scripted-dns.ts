// A name server for tests that answers A questions with what it is told to at the time.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { decode, encode } from 'dns-packet';
import type { CleansUp } from './gateway.ts';

export interface ScriptedDns {
  readonly address: string;
  /** Questions so far, such as `A app.test`. */
  readonly questions: readonly string[];
}

/** Answers with `answer.addresses` for one second (TTL); `undefined` there is a failure of the server. */
export async function startScriptedDns(
  t: CleansUp,
  answer: { readonly addresses: readonly string[] | undefined },
): Promise<ScriptedDns> {
  const socket = createSocket('udp4');
  const questions: string[] = [];
  socket.on('message', (bytes, from) => {
    const query = decode(bytes);
    const [question] = query.questions ?? [];
    if (!question) return;
    questions.push(`${question.type} ${question.name}`);
    const { addresses } = answer;
    const answers = question.type === 'A' ? (addresses ?? []) : [];
    const response = encode({
      type: 'response',
      id: query.id ?? 0,
      // SERVFAIL is 2 (RFC 1035 4.1.1).
      flags: addresses === undefined ? 2 : 0,
      questions: [question],
      answers: answers.map((data) => ({ type: 'A', name: question.name, ttl: 1, data })),
    });
    socket.send(response, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, questions };
}
