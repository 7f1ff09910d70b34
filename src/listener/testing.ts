// What tests of listeners and their connections have in common.
import { ManualClock } from '#lib/clock.ts';
import { Deadlines } from '#lib/deadlines.ts';
import { silentLog } from '#lib/log.ts';
import { TurnEnd } from '#lib/turn-end.ts';
import { KeyedTable } from '#memory/keyed-table.ts';
import type { ListenerSettings } from '#model/snapshot.ts';
import { createTestExchange } from '#model/testing.ts';
import { Departures } from '#net/departures.ts';
import { ChallengeAcceptors } from './challenge-acceptors.ts';
import type { ListenerHost } from './listener-host.ts';
import { WantedCertificates } from './wanted-certificates.ts';

/** How often deadlines are looked at. */
export const SWEEP_MS = 50;

/** Settings of a listener for HTTP; every time is a second, unless `changes` says otherwise. */
export function testSettings(changes: Partial<ListenerSettings> = {}): ListenerSettings {
  return {
    name: 'test',
    protocol: 'http',
    isProxy: undefined,
    maxHeadBytes: 16384,
    maxFields: 100,
    maxTargetBytes: 8192,
    maxBodyBytes: 0,
    headTimeoutMs: 1000,
    bodyTimeoutMs: 1000,
    keepAliveTimeoutMs: 1000,
    sendTimeoutMs: 1000,
    maxRequests: 1000,
    maxConnections: 10,
    firstBytesTimeoutMs: 1000,
    lifetimeMs: 0,
    tls: undefined,
    admission: undefined,
    udp: { idleTimeoutMs: 1000, maxSessions: 10, expectedAnswers: 0 },
    http2: {
      enabled: true,
      maxStreams: 100,
      streamWindow: 65_536,
      connectionWindow: 1_048_576,
      pingIntervalMs: undefined,
      pingTimeoutMs: 10_000,
    },
    ...changes,
  };
}

export interface TestHost {
  readonly host: ListenerHost;
  /** Lets time go by, and deadlines with it. */
  pass(ms: number): void;
}

/** A worker whose clock stands still until told, and which does what a test is about as `parts` say. */
export function createTestHost(parts: Pick<ListenerHost, 'handle' | 'answer'> & Partial<ListenerHost>): TestHost {
  const clock = new ManualClock();
  const table = KeyedTable.create(64, [1, 2]);
  const { snapshot } = createTestExchange();
  const host: ListenerHost = {
    clock,
    deadlines: new Deadlines(clock, SWEEP_MS),
    departures: new Departures(new Deadlines(clock, SWEEP_MS), () => undefined),
    log: silentLog,
    turnEnd: new TurnEnd(),
    challenges: new ChallengeAcceptors(),
    wanted: new WantedCertificates(clock, () => {}),
    breached() {},
    buckets: () => table,
    snapshot: () => snapshot,
    record() {},
    ...parts,
  };
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += SWEEP_MS) {
      clock.advance(SWEEP_MS);
      host.deadlines.sweep();
    }
  };
  return { host, pass };
}
