// Caddy as a reverse proxy: one core, kept-alive connections both ways, its JSON access log. Its table is the hosts alone:
// a proxy for each route would keep connections of its own.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostOf } from '../lib/requests.ts';
import type { Peer } from './peer.ts';

export const caddy: Peer = {
  name: 'Caddy',
  program: 'caddy',
  debianPackage: 'caddy',
  versionArguments: ['version'],
  prepare({ folder, port, originPort, routes, certificate, h2c }) {
    const tls = certificate ? `tls ${certificate.cert} ${certificate.key}` : '';
    const hosts = Array.from({ length: routes }, (_, route) => hostOf(route));
    const file = join(folder, 'Caddyfile');
    writeFileSync(
      file,
      `{
  admin off
  auto_https off
  servers {
    protocols h1 ${h2c ? 'h2c' : 'h2'}
  }
}
${certificate ? 'https' : 'http'}://:${port} {
  bind 127.0.0.1
  ${tls}
  log {
    output file ${folder}/access.log
    format json
  }
  @table host ${hosts.join(' ')}
  handle @table {
    header Via "1.1 caddy"
    reverse_proxy 127.0.0.1:${originPort} {
      header_up Via "1.1 caddy"
      transport http {
        keepalive_idle_conns 1024
        keepalive_idle_conns_per_host 1024
      }
    }
  }
}
`,
    );
    const env = { GOMAXPROCS: '1', XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, HOME: folder };
    return { command: ['caddy', 'run', '--adapter', 'caddyfile', '--config', file], env };
  },
};
