// The origin server behind all peers: nginx with an answer of 102 bytes and two files, on the core that is not measured.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OTHER_CORE } from './cores.ts';
import { nginxFolders } from './nginx-folders.ts';
import { freePort, type Started, start } from './processes.ts';
import { untilAnswering } from './ready.ts';

const SMALL = '0123456789'.repeat(10).concat('ab');

export interface Resource {
  /** Last segment of the target. */
  readonly name: string;
  readonly bytes: number;
}

export const RESOURCES = {
  small: { name: 'item', bytes: SMALL.length },
  '10k': { name: '10k', bytes: 10240 },
  '1m': { name: '1m', bytes: 1048576 },
} as const satisfies Record<string, Resource>;

/** Last segment of the target whose answer tells what the origin saw: a JSON object of fields, and of the connection. */
export const SEEN = 'seen';

const SEEN_ANSWER = `{"host":"$http_host","via":"$http_via","x-forwarded-for":"$http_x_forwarded_for",\
"x-forwarded-proto":"$http_x_forwarded_proto","x-forwarded-host":"$http_x_forwarded_host","cookie":"$http_cookie",\
"requests":$connection_requests}`;

export async function startOrigin(folder: string): Promise<Started & { readonly port: number }> {
  const port = await freePort();
  const files = join(folder, 'files');
  mkdirSync(files, { recursive: true });
  for (const { name, bytes } of [RESOURCES['10k'], RESOURCES['1m']]) {
    writeFileSync(join(files, name), Buffer.alloc(bytes, SMALL));
  }
  const configuration = join(folder, 'origin.conf');
  writeFileSync(
    configuration,
    `worker_processes 1; daemon off; user root; pid ${folder}/origin.pid; error_log ${folder}/origin.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; default_type text/plain; sendfile on; tcp_nopush on;
  open_file_cache max=10; ${nginxFolders(folder)}
  server {
    listen 127.0.0.1:${port};
    location / { return 200 "${SMALL}"; }
    location ~ /${SEEN}$ { return 200 '${SEEN_ANSWER}'; }
    location ~ /(10k|1m)$ { alias ${files}/$1; }
  }
}
`,
  );
  const origin = start(['nginx', '-e', `${folder}/origin.log`, '-c', configuration], {
    cores: [OTHER_CORE],
    output: join(folder, 'origin.out'),
  });
  try {
    await untilAnswering(port, origin);
  } catch (error) {
    await origin.stop();
    throw error;
  }
  return { ...origin, port };
}
