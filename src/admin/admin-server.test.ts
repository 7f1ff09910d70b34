// The admin API over real HTTP, before a host that only remembers what it was asked.
import assert from 'node:assert/strict';
import { type IncomingMessage, request } from 'node:http';
import { type TestContext, test } from 'node:test';
import type {
  AdminHost,
  CertificateAdmin,
  CertificateOutcome,
  CertificateStatus,
  GatewayStatus,
  ReloadResult,
  ScalingSignal,
  UpstreamStatus,
} from './admin-host.ts';
import { createAdminServer } from './admin-server.ts';

const STATUS: GatewayStatus = {
  version: '0.1.0',
  pid: 42,
  startedAt: '2026-01-01T00:00:00.000Z',
  uptimeMs: 1000,
  generation: 3,
  file: '/etc/tidegate.yaml',
  workers: [{ index: 0, state: 'ready' }],
  listeners: [
    {
      name: 'web',
      address: '127.0.0.1:8080',
      protocol: 'http',
      connections: 2,
      accepted: 7,
      refused: 0,
      receivedBytes: 10,
      sentBytes: 20,
    },
  ],
  lastReload: null,
  draining: false,
};

const UPSTREAM: UpstreamStatus = {
  name: 'api',
  balancer: 'two-choices',
  inFlight: 0,
  waiting: 0,
  circuit: null,
  concurrency: null,
  endpoints: ['127.0.0.1:9001', 'unix:/run/api.sock'].map((name) => ({
    name,
    weight: 1,
    status: 'healthy',
    reason: '',
    inFlight: 0,
    requests: 5,
    failures: 0,
    ejections: 0,
    history: [],
  })),
};

const CERTIFICATE: CertificateStatus = {
  listener: 'secure',
  source: 'acme',
  upload: null,
  names: ['www.example.com'],
  issuer: null,
  keyType: null,
  fingerprint: null,
  notBefore: null,
  notAfter: null,
  stapledUntil: null,
  ocsp: null,
  nextRenewal: '2026-01-01T00:00:00.000Z',
  problem: 'no answer in time',
};

const SCALING: ScalingSignal = {
  inFlight: 12,
  waiting: 3,
  latencyMs: { p50: 4, p90: null },
  endpoints: { listed: 2, usable: 1 },
  capacity: 10,
  desired: 2,
};

class FakeHost implements AdminHost {
  readonly uploads: unknown[] = [];
  outcome: CertificateOutcome = { ok: true };
  readonly certificates: CertificateAdmin = {
    list: () => [CERTIFICATE],
    reload: async () => ['site.pem does not exist'],
    renew: async () => this.outcome,
    issue: async () => this.outcome,
    upload: async (...given) => {
      this.uploads.push(given);
      return this.outcome;
    },
    remove: async (_listener, name) => name === 'www',
  };
  isReady = true;
  reloadResult: ReloadResult = { ok: true, generation: 4, problems: [] };
  readonly drained: string[] = [];

  status = () => STATUS;
  ready = () => this.isReady;
  upstreams = () => [UPSTREAM];
  scaling = (upstream: string) => (upstream === 'api' ? SCALING : undefined);
  routes = () => [];
  configuration = (): unknown => ({ version: 1, admin: { token: '***' } });
  metrics = () => 'tidegate_up 1\n';
  reload = async () => this.reloadResult;
  drainEndpoint = (upstream: string, endpoint: string, draining: boolean) => {
    this.drained.push(`${upstream} ${endpoint} ${draining}`);
    return upstream === 'api' && UPSTREAM.endpoints.some((known) => known.name === endpoint);
  };
}

interface Content {
  readonly status?: unknown;
  readonly title?: unknown;
  readonly detail?: unknown;
  readonly draining?: unknown;
  readonly generation?: unknown;
  readonly problems?: unknown;
}

interface Answer {
  readonly status: number;
  readonly fields: IncomingMessage['headers'];
  readonly text: string;
  readonly content: Content;
}

type Call = (method: string, path: string, fields?: Record<string, string>, content?: string) => Promise<Answer>;

async function start(t: TestContext, host: AdminHost, token?: string, names?: string[]): Promise<Call> {
  const server = await createAdminServer(host, { address: { host: '127.0.0.1', port: 0 }, token, names });
  t.after(() => server.close());
  const port = Number(server.address.split(':')[1]);
  return (method, path, fields = {}, content = '') =>
    new Promise((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port, method, path, headers: fields }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          const isJson = /json/.test(response.headers['content-type'] ?? '');
          const answer = { status: response.statusCode ?? 0, fields: response.headers, text };
          resolve({ ...answer, content: isJson ? JSON.parse(text) : {} });
        });
      });
      call.on('error', reject);
      call.end(content);
    });
}

test('health answers 200 while the process lives, and nothing is stored by caches', async (t) => {
  const call = await start(t, new FakeHost());
  const answer = await call('GET', '/health');
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.content, { status: 'ok' });
  assert.equal(answer.fields['cache-control'], 'no-store');
});

test('ready answers 503 while the gateway starts or drains', async (t) => {
  const host = new FakeHost();
  const call = await start(t, host);
  assert.equal((await call('GET', '/ready')).status, 200);
  host.isReady = false;
  assert.equal((await call('GET', '/ready')).status, 503);
});

test('status, config, routes and upstreams give what the host says', async (t) => {
  const call = await start(t, new FakeHost());
  assert.deepEqual((await call('GET', '/status')).content, STATUS);
  assert.deepEqual((await call('GET', '/config')).content, { version: 1, admin: { token: '***' } });
  assert.deepEqual((await call('GET', '/routes')).content, { routes: [] });
  assert.deepEqual((await call('GET', '/upstreams')).content, { upstreams: [UPSTREAM] });
  assert.deepEqual((await call('GET', '/upstreams/api')).content, UPSTREAM);
  assert.deepEqual((await call('GET', '/upstreams/api/scaling')).content, SCALING);
});

test('metrics are text in the exposition format of Prometheus', async (t) => {
  const call = await start(t, new FakeHost());
  const answer = await call('GET', '/metrics');
  assert.equal(answer.text, 'tidegate_up 1\n');
  assert.equal(answer.fields['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
});

test('RFC 9457: an unknown upstream and an unknown path are problems of status 404', async (t) => {
  const call = await start(t, new FakeHost());
  for (const path of ['/upstreams/none', '/upstreams/none/scaling', '/nothing/here']) {
    const answer = await call('GET', path);
    assert.equal(answer.status, 404);
    assert.equal(answer.fields['content-type'], 'application/problem+json');
    assert.equal(answer.content.status, 404);
    assert.equal(answer.content.title, 'Not Found');
  }
});

test('a change without a configured token is refused and the answer says what to do', async (t) => {
  const call = await start(t, new FakeHost());
  const answer = await call('POST', '/reload', { authorization: 'Bearer anything' });
  assert.equal(answer.status, 403);
  assert.match(String(answer.content.detail), /admin\.token/);
});

test('RFC 6750 3: a change without the right token is 401 with a Bearer challenge', async (t) => {
  const host = new FakeHost();
  const call = await start(t, host, 'secret');
  const path = '/upstreams/api/endpoints/127.0.0.1:9001/drain';
  for (const authorization of ['', 'Bearer wrong', 'Bearer', 'Basic secret', 'Bearer secret2']) {
    const answer = await call('POST', path, { authorization });
    assert.equal(answer.status, 401, authorization);
    assert.match(answer.fields['www-authenticate'] ?? '', /^Bearer /);
  }
  assert.deepEqual(host.drained, []);
});

test('POST and DELETE of drain begin and end draining, also of a Unix socket', async (t) => {
  const host = new FakeHost();
  const call = await start(t, host, 'secret');
  const authorization = 'Bearer secret';
  const path = `/upstreams/api/endpoints/${encodeURIComponent('unix:/run/api.sock')}/drain`;
  const answer = await call('POST', path, { authorization });
  assert.deepEqual(answer.content, { upstream: 'api', endpoint: 'unix:/run/api.sock', draining: true });
  const ended = await call('DELETE', path, { authorization });
  assert.equal(ended.content.draining, false);
  assert.equal((await call('POST', '/upstreams/api/endpoints/nope/drain', { authorization })).status, 404);
  assert.deepEqual(host.drained, ['api unix:/run/api.sock true', 'api unix:/run/api.sock false', 'api nope true']);
});

test('a refused configuration is 422 with every problem', async (t) => {
  const host = new FakeHost();
  const call = await start(t, host, 'secret');
  assert.equal((await call('POST', '/reload', { authorization: 'Bearer secret' })).content.generation, 4);
  host.reloadResult = { ok: false, generation: 4, problems: ['tidegate.yaml:3:1: no'] };
  const answer = await call('POST', '/reload', { authorization: 'Bearer secret' });
  assert.equal(answer.status, 422);
  assert.deepEqual(answer.content.problems, ['tidegate.yaml:3:1: no']);
});

test('a Host that is neither an address, localhost nor configured is refused (DNS rebinding)', async (t) => {
  const call = await start(t, new FakeHost(), undefined, ['Gate.example']);
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80', '1.2.3']) {
    assert.equal((await call('GET', '/status', { host })).status, 421, host);
  }
  for (const host of ['127.0.0.1', '127.0.0.1:9900', 'LOCALHOST:1', '[::1]:9900', '10.0.0.8', 'gate.example:9900']) {
    assert.equal((await call('GET', '/status', { host })).status, 200, host);
  }
});

test('a change asked for by a page of another site is refused even with the token', async (t) => {
  const call = await start(t, new FakeHost(), 'secret');
  const authorization = 'Bearer secret';
  const host = '127.0.0.1:9900';
  const foreign = { authorization, host, origin: 'https://evil.example' };
  assert.equal((await call('POST', '/reload', foreign)).status, 403);
  assert.equal((await call('POST', '/reload', { authorization, host, 'sec-fetch-site': 'cross-site' })).status, 403);
  assert.equal((await call('POST', '/reload', { authorization, host, origin: 'null' })).status, 403);
  assert.equal((await call('POST', '/reload', { authorization, host, origin: `http://${host}` })).status, 200);
});

test('content that no call takes is refused with 413', async (t) => {
  const call = await start(t, new FakeHost(), 'secret');
  const answer = await call('POST', '/reload', { authorization: 'Bearer secret' }, 'x'.repeat(20_000));
  assert.equal(answer.status, 413);
});

test('a failure of the host is a 500 without a stack trace', async (t) => {
  const host = new FakeHost();
  host.status = () => {
    throw new Error('secret inside');
  };
  const call = await start(t, host);
  const answer = await call('GET', '/status');
  assert.equal(answer.status, 500);
  assert.doesNotMatch(answer.text, /secret inside|\.ts/);
});

test('the OpenAPI document names every call', async (t) => {
  const call = await start(t, new FakeHost());
  const document = (await call('GET', '/openapi.json')).content as unknown as {
    openapi: string;
    paths: Record<string, Record<string, { operationId: string; summary: string }>>;
  };
  assert.equal(document.openapi, '3.1.0');
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  assert.deepEqual(operations.map((operation) => operation.operationId).sort(), [
    'certificates',
    'configuration',
    'drain',
    'health',
    'issueCertificate',
    'metrics',
    'ready',
    'reload',
    'reloadCertificates',
    'removeCertificate',
    'renewCertificate',
    'routes',
    'scaling',
    'status',
    'undrain',
    'uploadCertificate',
    'upstream',
    'upstreams',
  ]);
  for (const operation of operations) assert.notEqual(operation.summary, '');
});

test('the status page loads nothing but its own files and runs no inline script', async (t) => {
  const call = await start(t, new FakeHost());
  const page = await call('GET', '/');
  assert.equal(page.status, 200);
  assert.match(page.fields['content-type'] ?? '', /^text\/html/);
  assert.match(String(page.fields['content-security-policy']), /default-src 'none'; script-src 'self'/);
  const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
  assert.ok(links.includes('/status.js') && links.includes('/status.css'));
  for (const link of links) assert.equal((await call('GET', link)).status, 200, link);
  assert.doesNotMatch(page.text, /<script(?![^>]*\bsrc=)|\son\w+=|style=/);
});

test('a busy port is told in a sentence that names the address', async (t) => {
  const first = await createAdminServer(new FakeHost(), { address: { host: '127.0.0.1', port: 0 } });
  t.after(() => first.close());
  const port = Number(first.address.split(':')[1]);
  await assert.rejects(
    createAdminServer(new FakeHost(), { address: { host: '127.0.0.1', port } }),
    (error: Error) => error.message.includes(first.address) && /another program/.test(error.message),
  );
});

test('certificates are listed, and their files read again', async (t) => {
  const call = await start(t, new FakeHost(), 'secret');
  assert.deepEqual((await call('GET', '/certificates')).content, { certificates: [CERTIFICATE] });
  const answer = await call('POST', '/certificates/reload', { authorization: 'Bearer secret' });
  assert.deepEqual(answer.content, { problems: ['site.pem does not exist'] });
});

test('a renewal that fails is 422, one of an unknown name 404, each with what is wrong', async (t) => {
  const host = new FakeHost();
  const call = await start(t, host, 'secret');
  const authorization = 'Bearer secret';
  const path = '/certificates/renew?name=www.example.com';
  assert.equal((await call('POST', path, { authorization })).status, 200);
  host.outcome = { ok: false, isUnknown: false, detail: 'no answer in time' };
  const failed = await call('POST', path, { authorization });
  assert.deepEqual([failed.status, failed.content.detail], [422, 'no answer in time']);
  host.outcome = { ok: false, isUnknown: true, detail: 'none' };
  assert.equal((await call('POST', path.replace('renew', 'issue'), { authorization })).status, 404);
  assert.equal((await call('POST', path)).status, 401);
});

test('an upload is taken with its token, of bounded length, and its key is in no answer', async (t) => {
  const host = new FakeHost();
  const call = await start(t, host, 'secret');
  const path = '/listeners/secure/certificates/www';
  const fields = { authorization: 'Bearer secret', 'content-type': 'application/json' };
  const put = (content: string, more: Record<string, string> = {}) =>
    call('PUT', path, { ...fields, 'content-length': String(Buffer.byteLength(content)), ...more }, content);
  const pair = { certificate: 'PEM', key: 'PRIVATE' };
  assert.equal((await put(JSON.stringify(pair))).status, 200);
  assert.deepEqual(host.uploads, [['secure', 'www', pair]]);
  for (const content of ['{"key":"PRIVATE"}', 'PRIVATE', '[]']) {
    const answer = await put(content);
    assert.equal(answer.status, 400, content);
    assert.ok(!answer.text.includes('PRIVATE'));
  }
  assert.equal((await put(JSON.stringify({ ...pair, key: 'x'.repeat(300_000) }))).status, 413);
  assert.equal((await put('{}', { authorization: 'Bearer wrong' })).status, 401);
  assert.equal((await call('POST', '/reload', { ...fields, 'content-length': '2' }, '{}')).status, 413);
  host.outcome = { ok: false, isUnknown: false, detail: 'The key does not belong to it.' };
  assert.equal((await put(JSON.stringify(pair))).status, 422);
  assert.equal(host.uploads.length, 2);
});

test('an upload is taken away again', async (t) => {
  const call = await start(t, new FakeHost(), 'secret');
  const authorization = 'Bearer secret';
  assert.equal((await call('DELETE', '/listeners/secure/certificates/www', { authorization })).status, 200);
  assert.equal((await call('DELETE', '/listeners/secure/certificates/none', { authorization })).status, 404);
});
