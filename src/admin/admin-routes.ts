// The calls of the admin API as OpenAPI operations: path, method, what they take and answer. What they do is in `admin-app.ts`.
import { createRoute } from '@hono/zod-openapi';
import {
  aliveSchema,
  configurationSchema,
  drainResultSchema,
  endpointPathSchema,
  gatewayStatusSchema,
  readySchema,
  reloadResultSchema,
  routeListSchema,
  scalingSignalSchema,
  upstreamListSchema,
  upstreamPathSchema,
  upstreamStatusSchema,
} from '#schema/admin-schemas.ts';
import { CHANGE_ERRORS, PROBLEM, TOKEN } from './call-parts.ts';

const NO_UPSTREAM = { 404: { description: 'There is no such upstream.', content: PROBLEM } };
const NO_ENDPOINT = { 404: { description: 'There is no such upstream or endpoint.', content: PROBLEM } };

export const healthRoute = createRoute({
  method: 'get',
  path: '/health',
  operationId: 'health',
  summary: 'Tells that the process lives.',
  responses: { 200: { description: 'It lives.', content: { 'application/json': { schema: aliveSchema } } } },
});

export const readyRoute = createRoute({
  method: 'get',
  path: '/ready',
  operationId: 'ready',
  summary: 'Tells whether new traffic is welcome; for a load balancer or orchestrator in front.',
  responses: {
    200: { description: 'It is.', content: { 'application/json': { schema: readySchema } } },
    503: { description: 'The gateway starts or drains.', content: { 'application/json': { schema: readySchema } } },
  },
});

export const statusRoute = createRoute({
  method: 'get',
  path: '/status',
  operationId: 'status',
  summary: 'The process, its workers, its listeners and the last reload.',
  responses: { 200: { description: 'The status.', content: { 'application/json': { schema: gatewayStatusSchema } } } },
});

export const configRoute = createRoute({
  method: 'get',
  path: '/config',
  operationId: 'configuration',
  summary: 'The configuration in use, with all defaults and without secrets.',
  responses: {
    200: { description: 'The configuration.', content: { 'application/json': { schema: configurationSchema } } },
  },
});

export const upstreamsRoute = createRoute({
  method: 'get',
  path: '/upstreams',
  operationId: 'upstreams',
  summary: 'All upstreams with their endpoints: health, load, counts and history.',
  responses: {
    200: { description: 'The upstreams.', content: { 'application/json': { schema: upstreamListSchema } } },
  },
});

export const upstreamRoute = createRoute({
  method: 'get',
  path: '/upstreams/{upstream}',
  operationId: 'upstream',
  summary: 'One upstream with its endpoints.',
  request: { params: upstreamPathSchema },
  responses: {
    200: { description: 'The upstream.', content: { 'application/json': { schema: upstreamStatusSchema } } },
    ...NO_UPSTREAM,
  },
});

export const scalingRoute = createRoute({
  method: 'get',
  path: '/upstreams/{upstream}/scaling',
  operationId: 'scaling',
  summary: 'What an autoscaler needs to know of an upstream: its load, and how many endpoints that asks for.',
  request: { params: upstreamPathSchema },
  responses: {
    200: { description: 'The signal.', content: { 'application/json': { schema: scalingSignalSchema } } },
    ...NO_UPSTREAM,
  },
});

export const routesRoute = createRoute({
  method: 'get',
  path: '/routes',
  operationId: 'routes',
  summary: 'All routes with their counts and latencies.',
  responses: { 200: { description: 'The routes.', content: { 'application/json': { schema: routeListSchema } } } },
});

export const reloadRoute = createRoute({
  method: 'post',
  path: '/reload',
  operationId: 'reload',
  summary: 'Loads the configuration again. A configuration with problems changes nothing.',
  security: TOKEN,
  responses: {
    200: { description: 'It is in use.', content: { 'application/json': { schema: reloadResultSchema } } },
    ...CHANGE_ERRORS,
    422: { description: 'The configuration has problems; the old one serves on.', content: PROBLEM },
  },
});

export const drainRoute = createRoute({
  method: 'post',
  path: '/upstreams/{upstream}/endpoints/{endpoint}/drain',
  operationId: 'drain',
  summary: 'Gives an endpoint no new requests; those in progress go on.',
  request: { params: endpointPathSchema },
  security: TOKEN,
  responses: {
    200: { description: 'It drains.', content: { 'application/json': { schema: drainResultSchema } } },
    ...CHANGE_ERRORS,
    ...NO_ENDPOINT,
  },
});

export const undrainRoute = createRoute({
  method: 'delete',
  path: '/upstreams/{upstream}/endpoints/{endpoint}/drain',
  operationId: 'undrain',
  summary: 'Ends the draining of an endpoint.',
  request: { params: endpointPathSchema },
  security: TOKEN,
  responses: {
    200: { description: 'It takes requests again.', content: { 'application/json': { schema: drainResultSchema } } },
    ...CHANGE_ERRORS,
    ...NO_ENDPOINT,
  },
});
