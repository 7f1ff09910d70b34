// Reads WebSocket frames with the receiver of the ws package, for tests that compare it with ours.
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import * as ws from 'ws';

export interface WsVerdict {
  readonly messages: number;
  readonly controls: readonly string[];
  readonly closed: boolean;
  readonly violation: number;
}

/** The package exports it, its types do not. */
const { Receiver } = ws as unknown as { readonly Receiver: new (options: { readonly isServer: boolean }) => Writable };

interface WsError extends Error {
  readonly [key: symbol]: unknown;
}

/** What ws makes of the bytes of a client, or of a server. */
export async function readByWs(bytes: Buffer, isServer: boolean): Promise<WsVerdict> {
  const receiver = new Receiver({ isServer });
  const controls: string[] = [];
  let messages = 0;
  let closed = false;
  receiver.on('message', () => messages++);
  receiver.on('ping', (payload: Buffer) => void controls.push(`9 ${payload.toString('hex')}`));
  receiver.on('pong', (payload: Buffer) => void controls.push(`10 ${payload.toString('hex')}`));
  receiver.on('conclude', (code: number, reason: Buffer) => {
    closed = true;
    const head = Buffer.alloc(code === 1005 ? 0 : 2);
    if (code !== 1005) head.writeUInt16BE(code);
    controls.push(`8 ${Buffer.concat([head, reason]).toString('hex')}`);
  });
  const failed = once(receiver, 'error').then(([error]) => error as WsError);
  const written = new Promise<undefined>((resolve) => receiver.write(bytes, () => resolve(undefined)));
  const error = await Promise.race([
    failed,
    written.then(() => new Promise<undefined>((resolve) => setImmediate(resolve, undefined))),
  ]);
  return { messages, controls, closed, violation: error ? codeOf(error) : 0 };
}

/** ws keeps the code of the Close frame under a symbol. */
function codeOf(error: WsError): number {
  const symbol = Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code');
  return symbol === undefined ? -1 : Number(error[symbol]);
}
