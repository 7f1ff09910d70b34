// One origin of the demo: a small web application in a process of its own, started by `origins.ts` as `origin.ts NAME DELAY_MS`.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { renderPage } from './origin-page.ts';
import { acceptWebSocket } from './websocket-echo.ts';

const [name = 'origin', delayText = '0'] = process.argv.slice(2);
const delayMs = Number(delayText);
let broken = false;
let answered = 0;

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});
// The gateway keeps idle connections for less than this, so that it is never this side that closes one.
server.keepAliveTimeout = 120_000;
server.on('upgrade', (request, socket) => acceptWebSocket(request, socket, name));
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

// Ctrl-C reaches the whole group of processes: the demo ends its origins itself, after the gateway has drained.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.resume();
  const { pathname } = new URL(request.url ?? '/', 'http://origin');
  if (request.method === 'POST' && (pathname === '/break' || pathname === '/mend')) {
    broken = pathname === '/break';
    return sendJson(response, 200, { origin: name, broken });
  }
  if (broken) return sendJson(response, 500, { origin: name, error: 'broken on purpose' });
  if (pathname === '/healthz') return sendJson(response, 200, { origin: name, healthy: true });
  await delay(delayMs);
  answered += 1;
  if (pathname === '/') return sendPage(response);
  return sendJson(response, 200, describe(request));
}

function sendPage(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'x-origin': name,
  });
  response.end(renderPage(name, delayMs));
}

function describe(request: IncomingMessage): object {
  const { via, 'x-forwarded-for': forwardedFor, 'x-request-id': requestId } = request.headers;
  return { origin: name, delayMs, answered, method: request.method, target: request.url, forwardedFor, via, requestId };
}

function sendJson(response: ServerResponse, status: number, content: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-origin': name });
  response.end(`${JSON.stringify(content)}\n`);
}
