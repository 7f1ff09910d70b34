// Log lines on TLS handshakes that failed: of those alike, one a minute with the number of those in between, whatever clients send.
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { type HandshakeFailure, isNoise } from '#telemetry/tls-failures.ts';

const QUIET_MS = 60_000;
/** Names are the client's to choose: beyond so many there is one line for all. */
const MAX_NAMES = 1000;

export interface FailedHandshake {
  readonly kind: HandshakeFailure;
  readonly reason: string;
  /** What the client has asked for; '' for nothing. */
  readonly serverName: string;
  readonly client: string;
}

interface Repetition {
  readonly until: number;
  unsaid: number;
}

export class TlsFailureLog {
  readonly #listener: string;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #said = new Map<string, Repetition>();

  constructor(listener: string, log: Log, clock: Clock) {
    this.#listener = listener;
    this.#log = log;
    this.#clock = clock;
  }

  add({ kind, reason, serverName, client }: FailedHandshake): void {
    const now = this.#clock.now();
    const key = this.#said.size < MAX_NAMES ? `${kind} ${serverName}` : kind;
    const before = this.#said.get(key);
    if (before && now < before.until) {
      before.unsaid++;
      return;
    }
    if (this.#said.size > MAX_NAMES) this.#forget(now);
    this.#said.set(key, { until: now + QUIET_MS, unsaid: 0 });
    const fields = {
      listener: this.#listener,
      kind,
      reason,
      client,
      ...(serverName !== '' && { name: serverName }),
      ...(before && before.unsaid > 0 && { more: before.unsaid }),
    };
    this.#log[isNoise(kind) ? 'debug' : 'warn']('a TLS handshake failed', fields);
  }

  #forget(now: number): void {
    for (const [key, { until }] of this.#said) if (until <= now) this.#said.delete(key);
  }
}
