// The peers of the work `tcp`: connections passed on as they are, with a log line each.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { haproxy } from './haproxy.ts';
import type { Peer } from './peer.ts';
import { LAUNCHER, tidegate } from './tidegate.ts';

const tidegateTcp: Peer = {
  ...tidegate,
  prepare({ folder, port, originPort }) {
    const file = join(folder, 'tcp.yaml');
    writeFileSync(
      file,
      `version: 1
workers: 1
admin: { address: '127.0.0.1:0' }
listeners:
  web: { address: '127.0.0.1:${port}', protocol: tcp, upstream: site }
logs: { access: { format: json, to: ${folder}/tcp.log } }
upstreams:
  site: { endpoints: ['127.0.0.1:${originPort}'] }
`,
    );
    return { command: [LAUNCHER, 'run', file] };
  },
};

const haproxyTcp: Peer = {
  ...haproxy,
  prepare({ folder, port, originPort, logPort }) {
    const file = join(folder, 'tcp.cfg');
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 12000
  no strict-limits
  log 127.0.0.1:${logPort} format raw local0
defaults
  mode tcp
  timeout client 65s
  timeout server 60s
  timeout connect 5s
  log global
  option tcplog
listen web
  bind 127.0.0.1:${port}
  server origin 127.0.0.1:${originPort}
`,
    );
    return { command: ['haproxy', '-db', '-f', file] };
  },
};

/** By the names of the usual peers. */
export const tcpPeers: readonly Peer[] = [tidegateTcp, haproxyTcp];
