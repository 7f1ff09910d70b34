// Gateways before HTTP/2 endpoints, and what is asked of them over HTTP/1.1.
import type { TestContext } from 'node:test';
import { startTidegate, type TestGateway } from './gateway.ts';

export const GET = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';
export const POST = 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi';

/** A gateway before endpoints that are spoken to by prior knowledge. The first takes all as long as it can. */
export function gatewayTo(
  t: TestContext,
  origins: readonly { readonly address: string }[],
  options = '',
): Promise<TestGateway> {
  return startTidegate(
    t,
    `
routes: [{ name: all, match: { path: /* }, upstream: app }]
upstreams:
  app:
    balancer: first-fit
    endpoints: [${origins.map(({ address }) => `'${address}'`).join(', ')}]
    protocol: http2
    ${options}
`,
  );
}

/** The name of a metric of one of them. */
export const metric = (name: string, { address }: { readonly address: string }) =>
  `tidegate_endpoint_${name}{upstream="app",endpoint="${address}"}`;
