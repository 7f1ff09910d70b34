// The configuration file of the demo, written to be read and changed by whoever tries it.
import type { Origin } from './origins.ts';

export interface DemoConfigurationOptions {
  readonly port: number;
  readonly adminPort: number;
  readonly token: string;
  readonly accessLog: string;
  readonly origins: readonly Origin[];
}

/** YAML text. */
export function demoConfiguration(options: DemoConfigurationOptions): string {
  const endpoints = options.origins.map(({ name, port }) => `      - 127.0.0.1:${port} # ${name}`).join('\n');
  return `# The configuration of the demo. Change something and save: Tidegate takes it over at once, and while the file has a
# mistake it says where and serves on with what it had.
version: 1

admin:
  address: 127.0.0.1:${options.adminPort}
  token: '${options.token}'

logs:
  access: { format: combined, to: ${JSON.stringify(options.accessLog)} }

listeners:
  web: { address: 127.0.0.1:${options.port} }

routes:
  - name: page
    match: { path: / }
    upstream: site

  - name: api
    match: { path: /api/* }
    policies:
      - type: request-id
    upstream: api

  - name: limited
    match: { path: /limited }
    policies:
      - { type: rate-limit, key: client-address, rate: 2/s, burst: 5 }
    upstream: api

  - name: private
    match: { path: /private }
    policies:
      - type: basic-auth
        realm: demo
        users: [{ name: demo, password: demo }]
    upstream: api

  - name: old
    match: { path: /old }
    redirect: { to: /api/new, status: 308 }

  - name: hello
    match: { path: /hello }
    respond: { status: 200, content-type: text/plain, body: "Hello from the gateway itself.\\n" }

  - name: echo
    match: { path: /ws }
    upstream: site

upstreams:
  site:
    balancer: round-robin
    endpoints:
${endpoints}
    health: { type: http, path: /healthz, interval: 1s, timeout: 500ms, healthy: 2, unhealthy: 2 }

  api:
    balancer: two-choices
    endpoints:
${endpoints}
    health: { type: http, path: /healthz, interval: 1s, timeout: 500ms, healthy: 2, unhealthy: 2 }
`;
}
