// Addresses as written in the configuration: host and port, or a Unix socket.

export interface SocketAddress {
  /** Name or IP address without brackets; '' for a Unix socket. */
  readonly host: string;
  readonly port: number;
  /** Path of a Unix socket, or ''. */
  readonly socketPath: string;
}

/** The parts of an address, or a sentence that says what is wrong. */
export function parseAddress(text: string): SocketAddress | string {
  if (text.startsWith('unix:')) {
    const socketPath = text.slice(5);
    return socketPath.startsWith('/')
      ? { host: '', port: 0, socketPath }
      : `"${text}" must name an absolute path: unix:/run/app.sock`;
  }
  const match = /^(?:\[([0-9A-Fa-f:.%a-z]+)\]|([^:[\]/\s]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match) return `"${text}" is not an address such as 127.0.0.1:9001, [::1]:9001 or unix:/run/app.sock`;
  if (port > 65535) return `"${text}": a port is at most 65535`;
  return { host: (match[1] ?? match[2]) as string, port, socketPath: '' };
}

/** The address in the form it is written in: an endpoint's name. */
export function formatAddress(address: SocketAddress): string {
  if (address.socketPath !== '') return `unix:${address.socketPath}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
