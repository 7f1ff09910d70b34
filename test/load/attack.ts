// What an attack is, what is counted of it, and the loop that most of them are: do harm on many connections, and come back with
// another one when one is ended.

import { connectHttp2To, type RawHttp2Client } from '../support/http2-client.ts';
import { ERROR_NAMES, FRAME, type Frame, type Setting } from '../support/http2-frames.ts';

export interface AttackPlace {
  /** HTTP/1.1 and HTTP/2 in the clear. */
  readonly port: number;
  /** The same with TLS. */
  readonly securePort: number;
  /** Aborted when the attack is over. */
  readonly signal: AbortSignal;
  readonly tally: Tally;
}

export interface Attack {
  readonly name: string;
  /** One line for the table. */
  readonly what: string;
  /** The kind of `tidegate_http2_breaches_total` that it must have been counted as. */
  readonly countedAs?: string;
  /** How connections must have ended, of those that did; nothing where they may go on. */
  readonly endsWith?: RegExp;
  run(place: AttackPlace): Promise<void>;
}

export interface TallySheet {
  readonly connections: number;
  /** Frames, or what else the attack is made of. */
  readonly sent: number;
  /** How connections ended, and how often. */
  readonly ends: Readonly<Record<string, number>>;
}

export class Tally {
  connections = 0;
  sent = 0;
  readonly #ends = new Map<string, number>();

  ended(how: string): void {
    this.#ends.set(how, (this.#ends.get(how) ?? 0) + 1);
  }

  get sheet(): TallySheet {
    return { connections: this.connections, sent: this.sent, ends: Object.fromEntries(this.#ends) };
  }
}

/** An attacker comes back so often, over all connections. */
const MAX_CONNECTIONS = 2000;

export interface Http2AttackOptions {
  /** At any time. */
  readonly connections: number;
  readonly settings?: readonly Setting[];
}

/** Runs `attack` on so many connections of HTTP/2 at a time until the time is over. */
export async function onHttp2(
  place: AttackPlace,
  { connections, settings = [] }: Http2AttackOptions,
  attack: (client: RawHttp2Client) => Promise<void>,
): Promise<void> {
  await inParallel(place, connections, async () => {
    const client = await connectHttp2To(place.port, { isIgnored: ({ type }) => type !== FRAME.goaway });
    const stop = (): void => void client.socket.destroy();
    place.signal.addEventListener('abort', stop);
    void client.preface(settings);
    await attack(client);
    if (!place.signal.aborted) await client.closed().catch(() => {});
    place.tally.ended(howEnded(client, place.signal));
    place.signal.removeEventListener('abort', stop);
    stop();
  });
}

/** Does `one` again and again, so many at a time, until the time is over. */
export async function inParallel(
  { signal, tally }: AttackPlace,
  connections: number,
  one: () => Promise<void>,
): Promise<void> {
  const loop = async (): Promise<void> => {
    while (!signal.aborted && tally.connections < MAX_CONNECTIONS) {
      tally.connections++;
      await one().catch((error: NodeJS.ErrnoException) => tally.ended(error.code ?? error.message));
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
}

function howEnded({ frames }: RawHttp2Client, signal: AbortSignal): string {
  const goaway = frames.find(({ type }) => type === FRAME.goaway);
  if (goaway) return `GOAWAY ${codeOf(goaway)}`;
  return signal.aborted ? HELD : 'closed';
}

/** The end of a connection that the gateway did not end in the time of the attack. */
export const HELD = 'held';

function codeOf({ payload }: Frame): string {
  return ERROR_NAMES[payload.readUInt32BE(4)] ?? 'unknown';
}

/** Resolves after the time, or when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
