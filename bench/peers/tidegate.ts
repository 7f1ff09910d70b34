// Tidegate itself: one worker, its defaults, a JSON access log to a file, metrics as always.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostOf, prefixOf } from '../lib/requests.ts';
import type { Peer } from './peer.ts';

export const LAUNCHER = join(import.meta.dirname, '../../bin/tidegate');

export const tidegate: Peer = {
  name: 'Tidegate',
  program: LAUNCHER,
  debianPackage: undefined,
  versionArguments: ['version'],
  prepare({ folder, port, originPort, routes, certificate }) {
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
    return { command: [LAUNCHER, 'run', file] };
  },
};
