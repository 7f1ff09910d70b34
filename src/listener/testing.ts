// What tests of listeners and their connections have in common.
import type { ListenerSettings } from '#model/snapshot.ts';

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
