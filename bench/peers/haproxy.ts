// HAProxy as a reverse proxy: one thread, kept-alive connections both ways, a JSON log line a request by datagram, which is how
// its users log. What takes the datagrams is not measured.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostOf, prefixOf } from '../lib/requests.ts';
import type { Peer } from './peer.ts';

const LOG_FORMAT =
  `{"time":"%t","client":"%ci","method":"%HM","target":"%HU","status":%ST,"bytes_sent":%B,"bytes_received":%U,\
"duration":%Ta,"upstream":"%b","endpoint":"%s","upstream_time":%Tr,"user_agent":"%[capture.req.hdr(0)]",\
"referer":"%[capture.req.hdr(1)]","host":"%[capture.req.hdr(2)]"}`.replaceAll('"', '\\"');

export const haproxy: Peer = {
  name: 'HAProxy',
  program: 'haproxy',
  debianPackage: 'haproxy',
  versionArguments: ['-v'],
  prepare({ folder, port, originPort, logPort, routes, certificate, h2c }) {
    const tls = certificate ? ` ssl crt ${certificate.bundle} alpn h2,http/1.1` : '';
    const map = join(folder, 'routes.map');
    const lines = Array.from({ length: routes }, (_, route) => `${hostOf(route)}${prefixOf(route)} site`);
    writeFileSync(map, `${lines.join('\n')}\n`);
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 12000
  no strict-limits
  log 127.0.0.1:${logPort} format raw local0
defaults
  mode http
  timeout client 65s
  timeout server 60s
  timeout connect 5s
  timeout http-keep-alive 65s
  log global
frontend web
  bind 127.0.0.1:${port}${tls}${h2c ? ' proto h2' : ''}
  option dontlognull
  capture request header User-Agent len 200
  capture request header Referer len 200
  capture request header Host len 100
  log-format "${LOG_FORMAT}"
  option forwardfor
  http-request set-header X-Forwarded-Proto ${certificate ? 'https' : 'http'}
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header Via "1.1 haproxy"
  http-response set-header Via "1.1 haproxy"
  use_backend %[base,map_beg(${map})]
backend site
  http-reuse always
  server origin 127.0.0.1:${originPort} pool-max-conn 1024
`,
    );
    return { command: ['haproxy', '-db', '-f', file] };
  },
};
