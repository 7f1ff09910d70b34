// Binds the admin API to its address. Runs on the main thread, apart from the listeners of the data plane.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type Log, silentLog } from '#lib/log.ts';
import { nodeHttp } from '#lib/node-http.ts';
import { createAdminApp } from './admin-app.ts';
import type { AdminHost } from './admin-host.ts';

export interface AdminServerOptions {
  /** Port 0 takes any free one. */
  readonly address: { readonly host: string; readonly port: number };
  readonly token?: string | undefined;
  /** Names in Host that are accepted besides IP addresses and localhost. */
  readonly names?: readonly string[] | undefined;
  /** Takes the failures of calls. */
  readonly log?: Log | undefined;
}

export interface AdminServer {
  /** The bound address as `host:port`, an IPv6 address in brackets. */
  readonly address: string;
  /** Stops listening and closes all connections at once. */
  close(): Promise<void>;
}

/** Starts the admin API. Rejects with a sentence for people when the address cannot be bound; its `cause` has the `code`. */
export async function createAdminServer(host: AdminHost, options: AdminServerOptions): Promise<AdminServer> {
  const names = (options.names ?? []).map((name) => name.toLowerCase());
  const app = createAdminApp(host, { token: options.token, names, log: options.log ?? silentLog });
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    createServer: nodeHttp.createServer,
    serverOptions: { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000, maxHeaderSize: 16_384 },
  }) as Server;
  server.maxConnections = 256;
  await listen(server, options.address);
  const bound = server.address() as AddressInfo;
  return { address: formatAddress(bound.address, bound.port), close: () => close(server) };
}

function listen(server: Server, { host, port }: AdminServerOptions['address']): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException): void => {
      const where = formatAddress(host, port);
      reject(new Error(`The admin address ${where} cannot be used: ${reasonOf(cause)}.`, { cause }));
    };
    server.once('error', refuse);
    server.listen({ host, port }, () => {
      server.off('error', refuse);
      // Failures of accept (such as too many open files) must not end the process; the next accept may do.
      server.on('error', () => {});
      resolve();
    });
  });
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another program listens there; choose another admin.address';
    case 'EACCES':
      return 'this user may not bind it';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have it';
    default:
      return error.message;
  }
}

function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
