// One gateway and one origin for all tests of a file: conformance tests are many and small, and each takes a connection of its own.
import { after, before } from 'node:test';
import { proxyTo, startTidegate, type TestGateway } from './gateway.ts';
import { type OnRequest, Origin, ok, type ReceivedRequest } from './origin.ts';
import { connectTo, type RawClient, type ReadOptions, type ReadResponse } from './raw-client.ts';

export interface Shared {
  readonly gateway: TestGateway;
  readonly origin: Origin;
  /** What the origin does with the next requests; `undefined` answers 200. */
  answer: OnRequest | undefined;
  /** A connection to the gateway. */
  connect(): Promise<RawClient>;
  /** The response to bytes on a connection of their own. */
  send(bytes: string, options?: ReadOptions): Promise<ReadResponse>;
  /** The same, with what the origin got, if anything. */
  relay(
    bytes: string,
    options?: ReadOptions,
  ): Promise<{ readonly response: ReadResponse; readonly received: ReceivedRequest | undefined }>;
  /** All that comes back until the connection is closed. */
  sendAll(bytes: string): Promise<string>;
}

/** To be called at the top of a file. `configure` gets the origin's address; without it everything goes to the origin. */
export function shareGateway(configure: (origin: Origin) => string = (origin) => proxyTo(origin)): Shared {
  const origin = new Origin((request, connection) => (shared.answer ?? (() => ok()))(request, connection), {});
  const cleanups: (() => unknown)[] = [];
  const open: RawClient[] = [];
  const shared: Shared & { gateway: TestGateway } = {
    gateway: undefined as unknown as TestGateway,
    origin,
    answer: undefined,
    async connect() {
      const client = await connectTo(shared.gateway.port());
      open.push(client);
      return client;
    },
    async send(bytes, options) {
      return (await shared.relay(bytes, options)).response;
    },
    async relay(bytes, options) {
      const before = origin.requests.length;
      const client = await shared.connect();
      const response = await client.request(bytes, options);
      client.socket.destroy();
      return { response, received: origin.requests[before] };
    },
    async sendAll(bytes) {
      const client = await shared.connect();
      void client.send(bytes);
      return await client.closed();
    },
  };
  before(async () => {
    await origin.listen(0);
    // `startTidegate` cleans up by the context it is given: here, the end of the file.
    const context = { after: (cleanup: () => unknown) => cleanups.push(cleanup) };
    shared.gateway = await startTidegate(context, configure(origin));
  });
  after(async () => {
    for (const client of open) client.socket.destroy();
    for (const cleanup of cleanups.reverse()) await cleanup();
    await origin.stop();
  });
  return shared;
}
