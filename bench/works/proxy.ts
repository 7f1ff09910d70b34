// Proxying, for one protocol and one size of content.
import type { Running } from '../lib/bench-run.ts';
import { H2_CONNECTIONS, H2_STREAMS } from '../lib/h2load.ts';
import type { Tool } from '../lib/machine.ts';
import type { Resource } from '../lib/origin.ts';
import { isSecure, type Protocol } from '../lib/protocol.ts';
import { verifyPeer } from '../lib/verify.ts';
import { tcpPeers } from '../peers/tcp.ts';
import { compare } from './compare.ts';
import type { Work } from './work.ts';

const MANNERS: Readonly<Record<Protocol, string>> = {
  http: 'HTTP/1.1 proxy, keep-alive',
  https: 'HTTP/1.1 over TLS, keep-alive',
  h2: `HTTP/2 over TLS, ${H2_CONNECTIONS} connections of ${H2_STREAMS} streams`,
  h2c: `HTTP/2 in the clear, ${H2_CONNECTIONS} connections of ${H2_STREAMS} streams`,
};

export function proxyWork(name: string, resource: Resource, protocol: Protocol = 'http'): Work {
  const needs: Tool[] = isSecure(protocol) ? ['openssl'] : [];
  if (protocol === 'h2' || protocol === 'h2c') needs.push('h2load');
  return {
    name,
    summary: `${MANNERS[protocol]}, ${resource.bytes} bytes`,
    needs,
    async run(bench, say) {
      const { peers } = bench.options;
      const verify = (running: Running) => verifyPeer(running, resource);
      const load = (running: Running) => bench.load(resource.name, running);
      const comparison = { name, title: this.summary, of: 'request', peers, startedWith: { protocol }, verify, load };
      return await compare(comparison, bench, say);
    },
  };
}

/** Connections passed on as they are, each with one response of this size. */
export function tcpWork(name: string, resource: Resource): Work {
  return {
    name,
    summary: `TCP proxy, a connection each, ${resource.bytes} bytes`,
    async run(bench, say) {
      const wanted = bench.options.peers.map((peer) => peer.name);
      const peers = tcpPeers.filter((peer) => wanted.includes(peer.name));
      const load = (running: Running) => bench.loadOfConnections(resource.name, running);
      const comparison = {
        name,
        title: this.summary,
        of: 'request',
        peers,
        startedWith: {},
        verify: async () => {},
        load,
      };
      return await compare(comparison, bench, say);
    },
  };
}
