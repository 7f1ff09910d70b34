// nginx as a reverse proxy: one worker, kept-alive connections both ways, a JSON access log with a buffer.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nginxFolders } from '../lib/nginx-folders.ts';
import { hostOf, prefixOf } from '../lib/requests.ts';
import type { Peer } from './peer.ts';

const LOG_FORMAT = `'{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method","target":"$request_uri",'
    '"host":"$host","status":$status,"bytes_sent":$bytes_sent,"bytes_received":$request_length,"duration":$request_time,'
    '"upstream":"$proxy_host","endpoint":"$upstream_addr","upstream_time":"$upstream_response_time",'
    '"user_agent":"$http_user_agent","referer":"$http_referer"}'`;

export const nginx: Peer = {
  name: 'nginx',
  program: 'nginx',
  debianPackage: 'nginx-light',
  versionArguments: ['-v'],
  prepare({ folder, port, originPort, routes, certificate, h2c }) {
    const words = `${certificate ? ' ssl' : ''}${certificate || h2c ? ' http2' : ''}`;
    const tls = certificate ? `ssl_certificate ${certificate.cert}; ssl_certificate_key ${certificate.key};` : '';
    const servers = Array.from(
      { length: routes },
      (_, route) =>
        `  server { listen 127.0.0.1:${port}${words}; server_name ${hostOf(route)}; location ${prefixOf(route)} { proxy_pass http://site; } }`,
    );
    const file = join(folder, 'nginx.conf');
    writeFileSync(
      file,
      `worker_processes 1; daemon off; user root; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 12000; }
http {
  log_format json escape=json ${LOG_FORMAT};
  access_log ${folder}/access.log json buffer=64k flush=1s;
  keepalive_requests 100000000; keepalive_timeout 65s; server_names_hash_max_size ${Math.max(512, routes * 4)};
  ${nginxFolders(folder)}
  ${tls}
  ssl_protocols TLSv1.2 TLSv1.3;
  upstream site { server 127.0.0.1:${originPort}; keepalive 1024; keepalive_requests 100000000; }
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $host;
  proxy_set_header Via "1.1 nginx";
  add_header Via "1.1 nginx";
${servers.join('\n')}
}
`,
    );
    return { command: ['nginx', '-e', `${folder}/error.log`, '-c', file] };
  },
};
