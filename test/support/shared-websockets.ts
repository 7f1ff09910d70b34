// WebSockets through one gateway with the policy websocket, of which both sides say exactly the bytes they are told to.
import { FramePeer } from './frame-peer.ts';
import type { AccessRecord } from './gateway.ts';
import type { OnRequest } from './origin.ts';
import { type Shared, shareGateway } from './shared.ts';

const HANDSHAKE =
  ' HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n';

const COMPRESSION = 'Sec-WebSocket-Extensions: permessage-deflate\r\n';

export interface BothSides {
  readonly client: FramePeer;
  readonly endpoint: FramePeer;
  /** The access record, once it has ended. */
  record(): Promise<AccessRecord>;
}

export interface SharedWebSockets {
  readonly shared: Shared;
  /** Opens a WebSocket. */
  open(options?: { readonly compression?: boolean }): Promise<BothSides>;
}

/** To be called at the top of a file; `options` are those of the policy, in YAML's flow style. */
export function shareWebSockets(options = ''): SharedWebSockets {
  const shared = shareGateway(
    ({ address }) => `
routes:
  - { name: all, policies: [{ type: websocket${options === '' ? '' : `, ${options}`} }], upstream: app }
upstreams: { app: { endpoints: ['${address}'] } }
`,
  );
  let opened = 0;
  const open = async ({ compression = false } = {}) => {
    const path = `/${++opened}`;
    const extension = compression ? COMPRESSION : '';
    const endpoint = new Promise<FramePeer>((resolve) => {
      const accept: OnRequest = (_request, connection) => {
        const { socket, reader } = connection;
        resolve(new FramePeer(reader, socket));
        return new Promise<undefined>(() => void socket.write(`${SWITCHED}${extension}\r\n`));
      };
      shared.answer = accept;
    });
    const client = await shared.connect();
    const response = await client.request(`GET ${path}${HANDSHAKE}${extension}\r\n`);
    if (response.status !== 101) throw new Error(`the handshake was answered ${response.status}`);
    const { gateway } = shared;
    const record = () => gateway.until(() => gateway.records.find((candidate) => candidate.path === path));
    return { client: new FramePeer(client.reader, client.socket), endpoint: await endpoint, record };
  };
  return { shared, open };
}
