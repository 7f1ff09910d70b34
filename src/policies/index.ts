// All policies. Add yours here.
import type { PolicyModule } from '#model/policy.ts';
import { accessList } from './access-list.ts';
import { basicAuth } from './basic-auth.ts';
import { clientCertificate } from './client-certificate.ts';
import { grpcWeb } from './grpc-web.ts';
import { headers } from './headers.ts';
import { hsts } from './hsts.ts';
import { httpsRedirect } from './https-redirect.ts';
import { maxBody } from './max-body.ts';
import { rateLimit } from './rate-limit.ts';
import { requestId } from './request-id.ts';
import { respond } from './respond.ts';
import { rewritePath } from './rewrite-path.ts';
import { websocket } from './websocket.ts';

export const policies: readonly PolicyModule[] = [
  accessList,
  basicAuth,
  clientCertificate,
  grpcWeb,
  headers,
  hsts,
  httpsRedirect,
  maxBody,
  rateLimit,
  requestId,
  respond,
  rewritePath,
  websocket,
];
