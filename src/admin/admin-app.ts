// What each call of the admin API does, as a Hono application over an `AdminHost`. Sockets are the business of `admin-server.ts`.
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { Log } from '#lib/log.ts';
import type { AdminHost } from './admin-host.ts';
import * as calls from './admin-routes.ts';
import { addCertificateCalls, boundContent } from './certificate-calls.ts';
import { requireKnownHost, requireSameOrigin, requireToken } from './guard.ts';
import { problem, problemError } from './problem.ts';
import { addStatusPage } from './status-page.ts';

export interface AdminAppOptions {
  /** Bearer token for calls that change something; without one they are refused. */
  readonly token: string | undefined;
  /** Lower-case names in Host that are accepted besides IP addresses and localhost. */
  readonly names: readonly string[];
  readonly log: Log;
}

export function createAdminApp(host: AdminHost, options: AdminAppOptions): OpenAPIHono {
  const app = new OpenAPIHono();
  app.use(hardenResponse);
  app.use(requireKnownHost(options.names), requireSameOrigin(), requireToken(options.token), boundContent());
  app.notFound((c) => problem(404, `There is no ${c.req.method} ${c.req.path}. See /openapi.json for what there is.`));
  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse();
    options.log.error('admin call failed', { method: c.req.method, path: c.req.path, error: error.stack });
    return problem(500, 'The admin API failed on this call. The log of the gateway says more.');
  });
  addReadingCalls(app, host);
  addChangingCalls(app, host);
  addCertificateCalls(app, host.certificates);
  addOpenApiDocument(app, host);
  addStatusPage(app);
  return app;
}

async function hardenResponse(c: Context, next: () => Promise<void>): Promise<void> {
  await next();
  c.res.headers.set('cache-control', 'no-store');
  c.res.headers.set('x-content-type-options', 'nosniff');
  c.res.headers.set('cross-origin-resource-policy', 'same-origin');
}

function addReadingCalls(app: OpenAPIHono, host: AdminHost): void {
  app.openapi(calls.healthRoute, (c) => c.json({ status: 'ok' } as const, 200));
  app.openapi(calls.readyRoute, (c) => {
    const ready = host.ready();
    const content = { ready, draining: host.status().draining };
    return ready ? c.json(content, 200) : c.json(content, 503);
  });
  app.openapi(calls.statusRoute, (c) => c.json(host.status(), 200));
  app.openapi(calls.configRoute, (c) => c.json(host.configuration() as object, 200));
  app.openapi(calls.upstreamsRoute, (c) => c.json({ upstreams: host.upstreams() }, 200));
  app.openapi(calls.upstreamRoute, (c) => {
    const { upstream } = c.req.valid('param');
    const found = host.upstreams().find((candidate) => candidate.name === upstream);
    if (!found) throw problemError(404, `There is no upstream ${JSON.stringify(upstream)}.`);
    return c.json(found, 200);
  });
  app.openapi(calls.scalingRoute, (c) => {
    const { upstream } = c.req.valid('param');
    const found = host.scaling(upstream);
    if (!found) throw problemError(404, `There is no upstream ${JSON.stringify(upstream)}.`);
    return c.json(found, 200);
  });
  app.openapi(calls.routesRoute, (c) => c.json({ routes: host.routes() }, 200));
  app.get('/metrics', (c) =>
    c.body(host.metrics(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
}

function addChangingCalls(app: OpenAPIHono, host: AdminHost): void {
  app.openapi(calls.reloadRoute, async (c) => {
    const result = await host.reload();
    if (!result.ok) {
      throw problemError(422, 'The configuration has problems; the one before serves on.', result.problems);
    }
    return c.json(result, 200);
  });
  app.openapi(calls.drainRoute, (c) => c.json(drain(host, c.req.valid('param'), true), 200));
  app.openapi(calls.undrainRoute, (c) => c.json(drain(host, c.req.valid('param'), false), 200));
}

interface EndpointPath {
  readonly upstream: string;
  readonly endpoint: string;
}

function drain(host: AdminHost, { upstream, endpoint }: EndpointPath, draining: boolean) {
  if (!host.drainEndpoint(upstream, endpoint, draining)) {
    throw problemError(
      404,
      `There is no endpoint ${JSON.stringify(endpoint)} in an upstream ${JSON.stringify(upstream)}.`,
    );
  }
  return { upstream, endpoint, draining };
}

function addOpenApiDocument(app: OpenAPIHono, host: AdminHost): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' });
  app.openAPIRegistry.registerPath({
    method: 'get',
    path: '/metrics',
    operationId: 'metrics',
    summary: 'All metrics in the text format of Prometheus.',
    responses: { 200: { description: 'The metrics.', content: { 'text/plain': { schema: { type: 'string' } } } } },
  });
  app.doc31('/openapi.json', () => ({
    openapi: '3.1.0',
    info: { title: 'Tidegate admin API', version: host.status().version },
  }));
}
