// Tidegate itself: one worker, its defaults, a JSON access log to a file, metrics as always.
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { hostOf, prefixOf } from '../lib/requests.ts';
import type { Peer, PeerSettings } from './peer.ts';

export const LAUNCHER = join(import.meta.dirname, '../../bin/tidegate');

export const tidegate = checkout('Tidegate', LAUNCHER);

/** Another checkout of it, such as the one that a change began from; with its dependencies installed. */
export function otherTidegate(folder: string): Peer {
  return checkout('Other Tidegate', join(resolve(folder), 'bin/tidegate'));
}

function checkout(name: string, launcher: string): Peer {
  return {
    name,
    program: launcher,
    debianPackage: undefined,
    versionArguments: ['version'],
    prepare: (settings) => ({ command: [launcher, 'run', writeConfiguration(settings)] }),
  };
}

function writeConfiguration({ folder, port, originPort, routes, certificate }: PeerSettings): string {
  const tls = certificate
    ? `, tls: { certificates: [{ cert: '${certificate.cert}', key: '${certificate.key}' }] }`
    : '';
  const table = Array.from(
    { length: routes },
    (_, route) =>
      `  - { name: r${route}, match: { hosts: [${hostOf(route)}], path: ${prefixOf(route)}* }, upstream: site }`,
  );
  const file = join(folder, 'tidegate.yaml');
  writeFileSync(
    file,
    `version: 1
workers: 1
admin: { address: '127.0.0.1:0' }
listeners:
  web: { address: '127.0.0.1:${port}', limits: { requests: 100000000 }${tls} }
logs: { access: { format: json, to: ${folder}/access.log } }
routes:
${table.join('\n')}
upstreams:
  site: { endpoints: ['127.0.0.1:${originPort}'], pool: { max-requests: 100000000 } }
`,
  );
  return file;
}
