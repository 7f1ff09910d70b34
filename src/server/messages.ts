// What the main thread and the workers say to each other.
import type { FoundEndpoints } from '#config/compile.ts';
import type { Config } from '#config/config-schema.ts';
import type { LogFields } from '#lib/log.ts';
import type { ListenerCertificates } from '#model/certificate.ts';
import type { Challenges } from '#model/challenges.ts';
import type { FailureKind } from '#model/failure-kind.ts';
import type { ResolvedEndpoint } from '#model/resolver.ts';
import type { ListenerAuthorities } from '#model/tls.ts';
import type { MemoryLayout, Slots } from './shared-memory.ts';

/** A listener with the address it really has: a port of 0 has been replaced. */
export interface BoundListener {
  readonly name: string;
  readonly transport: 'tcp' | 'udp';
  readonly host: string;
  readonly port: number;
  readonly socketPath: string;
}

export interface Preparation {
  readonly generation: number;
  readonly config: Config;
  readonly found: FoundEndpoints;
  readonly memory: MemoryLayout;
  readonly listeners: readonly BoundListener[];
  /** How many workers bind the same addresses. */
  readonly workers: number;
  readonly certificates: ListenerCertificates;
  readonly challenges: Challenges;
  readonly authorities: ListenerAuthorities;
}

/**
 * A part of a large preparation that comes ahead of it, so that no message takes a worker long to read; answered by `taken`.
 */
export interface PreparationPart {
  readonly routes: Config['routes'];
  readonly slots: readonly (readonly [key: string, slots: Slots])[];
}

export type ToWorker =
  | ({ readonly type: 'part' } & PreparationPart)
  /** Compile and bind, but change nothing yet. */
  | ({ readonly type: 'prepare' } & Preparation)
  | { readonly type: 'commit'; readonly generation: number }
  | { readonly type: 'discard'; readonly generation: number }
  /** A resolver has other endpoints for an upstream. */
  | {
      readonly type: 'endpoints';
      readonly upstream: string;
      readonly endpoints: readonly ResolvedEndpoint[];
      readonly memory: MemoryLayout;
    }
  /** Listeners have other certificates; all of them are named. Answered by `certified`. */
  | { readonly type: 'certificates'; readonly certificates: ListenerCertificates }
  /** Challenges of ACME servers are to be answered so, and others no more; answered by `challenged`. */
  | { readonly type: 'challenges'; readonly challenges: Challenges }
  /** There is a certificate for the name, or there will be none. */
  | { readonly type: 'settled'; readonly name: string; readonly found: boolean }
  | { readonly type: 'drain' }
  /** End all connections. */
  | { readonly type: 'abort' }
  | { readonly type: 'reopen-logs' };

export type FromWorker =
  | { readonly type: 'started' }
  | { readonly type: 'taken' }
  | { readonly type: 'prepared'; readonly generation: number }
  | { readonly type: 'unprepared'; readonly generation: number; readonly reason: string }
  | { readonly type: 'committed'; readonly generation: number }
  /** Handshakes wait for a certificate of the name; answered by `settled`. */
  | { readonly type: 'wanted'; readonly name: string }
  | { readonly type: 'certified' }
  | { readonly type: 'challenged' }
  | { readonly type: 'drained' }
  | {
      readonly type: 'failing';
      readonly upstream: string;
      readonly endpoint: string;
      /** How it failed last. */
      readonly last: FailureKind;
    }
  /** Requests wait for the upstream to wake up. */
  | { readonly type: 'wake'; readonly upstream: string }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: LogFields;
    };

/** What a worker is started with. */
export interface WorkerStart {
  readonly index: number;
}
