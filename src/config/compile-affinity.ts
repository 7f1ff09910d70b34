// Compiles the option `persistence` of an upstream.
import type { Affinity } from '#model/upstream.ts';
import { LearnedSessions } from '#proxy/learned-sessions.ts';
import { SessionCookie } from '#proxy/session-cookie.ts';
import { SessionTable } from '#proxy/session-table.ts';
import { SourceSessions } from '#proxy/source-sessions.ts';
import { type CompileHost, sessionTableOf } from './compile-host.ts';
import type { UpstreamConfig } from './config-schema.ts';

export function compileAffinity(upstream: string, config: UpstreamConfig, host: CompileHost): Affinity | undefined {
  const { persistence } = config;
  if (!persistence) return undefined;
  const fate = {
    keepsDraining: persistence['while-draining'] === 'keep',
    movesWhenDown: persistence['when-down'] === 'move',
  };
  if (persistence.type === 'cookie') {
    return new SessionCookie({
      upstream,
      name: persistence.name ?? `tidegate-${upstream.replace(/[^A-Za-z0-9-]/g, '-')}`,
      secret: persistence.secret ?? host.secret,
      ttlMs: persistence.ttl,
      sameSite: persistence['same-site'],
      ...fate,
    });
  }
  const key = sessionTableOf(upstream, config);
  if (!key) throw new Error(`persistence ${persistence.type} needs a table`);
  const table = new SessionTable(host.sessions(key), persistence.ttl);
  if (persistence.type === 'learned') {
    const { learn, 'look-up': lookUp = [learn] } = persistence;
    return new LearnedSessions({ learn, lookUp, ...fate }, table);
  }
  const { 'ipv4-prefix': ipv4Prefix, 'ipv6-prefix': ipv6Prefix } = persistence;
  return new SourceSessions({ ipv4Prefix, ipv6Prefix, ...fate }, table);
}
