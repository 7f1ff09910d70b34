// The calls of the admin API on certificates: as OpenAPI operations, and what they do.
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import {
  certificateDoneSchema,
  certificateListSchema,
  certificateNameSchema,
  certificateReloadSchema,
  uploadPathSchema,
  uploadSchema,
} from '#schema/admin-schemas.ts';
import type { CertificateAdmin, CertificateOutcome } from './admin-host.ts';
import { CHANGE_ERRORS, PROBLEM, TOKEN } from './call-parts.ts';
import { problem, problemError } from './problem.ts';

/** A chain with several intermediate certificates takes some 10 KiB. */
const MAX_UPLOAD_BYTES = 256 * 1024;

const DONE = { 'application/json': { schema: certificateDoneSchema } };
const UNKNOWN = { 404: { description: 'There is no such name, listener or upload.', content: PROBLEM } };
const FAILED = { 422: { description: 'It could not be done; what was in use stays.', content: PROBLEM } };

const listRoute = createRoute({
  method: 'get',
  path: '/certificates',
  operationId: 'certificates',
  summary: 'All certificates of all listeners: names, issuer, times, OCSP, next renewal; never a key.',
  responses: {
    200: { description: 'The certificates.', content: { 'application/json': { schema: certificateListSchema } } },
  },
});

const reloadRoute = createRoute({
  method: 'post',
  path: '/certificates/reload',
  operationId: 'reloadCertificates',
  summary: 'Takes certificate files that have changed now, as the gateway does by itself a little later.',
  security: TOKEN,
  responses: {
    200: { description: 'Done.', content: { 'application/json': { schema: certificateReloadSchema } } },
    ...CHANGE_ERRORS,
  },
});

const renewRoute = createRoute({
  method: 'post',
  path: '/certificates/renew',
  operationId: 'renewCertificate',
  summary: 'Renews the certificates by ACME that are for a name; answers when they are in use.',
  request: { query: certificateNameSchema },
  security: TOKEN,
  responses: { 200: { description: 'They are in use.', content: DONE }, ...CHANGE_ERRORS, ...UNKNOWN, ...FAILED },
});

const issueRoute = createRoute({
  method: 'post',
  path: '/certificates/issue',
  operationId: 'issueCertificate',
  summary: 'Has a certificate issued now for a name that has none: one of the configuration, or one on demand.',
  request: { query: certificateNameSchema },
  security: TOKEN,
  responses: { 200: { description: 'It is in use.', content: DONE }, ...CHANGE_ERRORS, ...UNKNOWN, ...FAILED },
});

const uploadRoute = createRoute({
  method: 'put',
  path: '/listeners/{listener}/certificates/{name}',
  operationId: 'uploadCertificate',
  summary: 'Puts a certificate with its key in use for a listener, and keeps it for later starts.',
  request: {
    params: uploadPathSchema,
    body: { content: { 'application/json': { schema: uploadSchema } }, required: true },
  },
  security: TOKEN,
  responses: {
    200: { description: 'It is in use.', content: DONE },
    400: { description: 'The content is not what it should be.', content: PROBLEM },
    ...CHANGE_ERRORS,
    ...UNKNOWN,
    411: { description: 'The length of the content is not told.', content: PROBLEM },
    413: { description: 'The content is longer than 256 KiB.', content: PROBLEM },
    ...FAILED,
  },
});

const removeRoute = createRoute({
  method: 'delete',
  path: '/listeners/{listener}/certificates/{name}',
  operationId: 'removeCertificate',
  summary: 'Takes an uploaded certificate away.',
  request: { params: uploadPathSchema },
  security: TOKEN,
  responses: { 200: { description: 'It is gone.', content: DONE }, ...CHANGE_ERRORS, ...UNKNOWN },
});

/** Lets an upload pass with content of a length that is told and bounded, and all else only without. */
export function boundContent(): MiddlewareHandler {
  return async (c, next) => {
    const length = Number(c.req.header('content-length') ?? Number.NaN);
    const isUpload = c.req.method === 'PUT' && /^\/listeners\/[^/]+\/certificates\/[^/]+$/.test(c.req.path);
    if (isUpload && Number.isNaN(length)) return problem(411, 'Tell the length of the content: Content-Length.');
    if (isUpload && length > MAX_UPLOAD_BYTES)
      return problem(413, 'A certificate and its key take no more than 256 KiB.');
    // What comes by chunked coding is never read, and Node's server drops it within its request timeout.
    if (!isUpload && length > 0) return problem(413, 'This call takes no content.');
    await next();
    return undefined;
  };
}

export function addCertificateCalls(app: OpenAPIHono, certificates: CertificateAdmin): void {
  app.openapi(listRoute, (c) => c.json({ certificates: certificates.list() }, 200));
  app.openapi(reloadRoute, async (c) => c.json({ problems: await certificates.reload() }, 200));
  app.openapi(renewRoute, async (c) => c.json(done(await certificates.renew(c.req.valid('query').name)), 200));
  app.openapi(issueRoute, async (c) => c.json(done(await certificates.issue(c.req.valid('query').name)), 200));
  app.openapi(
    uploadRoute,
    async (c) => {
      const { listener, name } = c.req.valid('param');
      return c.json(done(await certificates.upload(listener, name, c.req.valid('json'))), 200);
    },
    (result) => {
      // What was sent is not repeated, as there is a key in it.
      if (!result.success) throw problemError(400, 'Send JSON with certificate and key, both in PEM.');
    },
  );
  app.openapi(removeRoute, async (c) => {
    const { listener, name } = c.req.valid('param');
    if (await certificates.remove(listener, name)) return c.json({ done: true } as const, 200);
    throw problemError(
      404,
      `Nothing was uploaded as ${JSON.stringify(name)} for a listener ${JSON.stringify(listener)}.`,
    );
  });
}

function done(outcome: CertificateOutcome): { readonly done: true } {
  if (outcome.ok) return { done: true };
  throw problemError(outcome.isUnknown ? 404 : 422, outcome.detail);
}
