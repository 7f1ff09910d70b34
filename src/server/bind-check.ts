// Finds out whether an address can be listened on, and which port a port of 0 becomes, before the workers bind it.
import dgram from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { accessSync, constants, unlinkSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import type { Config } from '#config/config-schema.ts';
import { transportOf } from '#config/passage-problems.ts';
import { formatAddress, type SocketAddress } from '#schema/address.ts';
import type { BoundListener, Preparation } from './messages.ts';

/**
 * Listeners with the ports they have or will have; those of `before` keep theirs. Rejects when an address cannot be had.
 */
export async function bindAll(
  config: Config,
  before: Pick<Preparation, 'config' | 'listeners'> | undefined,
): Promise<readonly BoundListener[]> {
  const bound: BoundListener[] = [];
  for (const [name, listener] of Object.entries(config.listeners)) {
    const { address } = listener;
    const transport = transportOf(listener);
    const present = before?.listeners.find((one) => one.name === name && one.transport === transport);
    const asked = before?.config.listeners[name]?.address;
    const isSame = present && asked && formatAddress(asked) === formatAddress(address);
    bound.push(isSame ? present : { name, transport, ...(await checkBind(address, transport)) });
  }
  return bound;
}

/**
 * Returns the address with its real port. Rejects with a sentence for people. Workers bind with SO_REUSEPORT, which two
 * processes of one user may both do without noticing; binding once without it finds the other.
 */
export async function checkBind(address: SocketAddress, transport: 'tcp' | 'udp'): Promise<SocketAddress> {
  if (address.socketPath !== '') return freeSocketPath(address);
  try {
    return { ...address, port: await (transport === 'udp' ? bindUdp(address) : bindTcp(address)) };
  } catch (error) {
    throw new Error(`${formatAddress(address)} cannot be listened on: ${reasonOf(error as NodeJS.ErrnoException)}`, {
      cause: error,
    });
  }
}

/** Binds for a moment; returns the port. Rejects with the system's error. */
async function bindTcp({ host, port }: SocketAddress): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, resolve);
  });
  const bound = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return bound.port;
}

/** Like `bindTcp`. */
async function bindUdp({ host, port }: SocketAddress): Promise<number> {
  const { address, family } = await lookup(host);
  const socket = dgram.createSocket(family === 6 ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port, exclusive: true }, resolve);
  });
  const bound = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return bound.port;
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE')
    return 'the port is in use by another program, or still by a listener that is removed or renamed';
  if (error.code === 'EACCES') return 'permission denied; ports below 1024 need CAP_NET_BIND_SERVICE';
  if (error.code === 'EADDRNOTAVAIL') return 'this machine has no such address';
  return error.message;
}

/** Removes the socket that a program which is gone has left behind. */
async function freeSocketPath(address: SocketAddress): Promise<SocketAddress> {
  const inUse = await new Promise<boolean>((resolve) => {
    const socket = net.connect(address.socketPath, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') unlinkSync(address.socketPath);
      resolve(false);
    });
  });
  const reason = inUse ? 'another program listens there' : folderProblem(dirname(address.socketPath));
  if (reason !== '') throw new Error(`${formatAddress(address)} cannot be listened on: ${reason}`);
  return address;
}

/** Why no socket can be made in a folder, or ''. */
function folderProblem(folder: string): string {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return '';
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return isMissing ? `there is no folder ${folder}` : `no socket may be made in ${folder}: permission denied`;
  }
}
