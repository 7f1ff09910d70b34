// A real server and a real client of gRPC for tests: one service with a method of each of the four kinds, whose messages are text.
import * as grpc from '@grpc/grpc-js';
import type { CleansUp } from './gateway.ts';

const text = {
  requestSerialize: (message: string) => Buffer.from(message),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (message: string) => Buffer.from(message),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
};

/** By gRPC's words: who sends one message, and who sends many. */
export const ECHO = {
  unary: { path: '/test.Echo/Unary', requestStream: false, responseStream: false, ...text },
  collect: { path: '/test.Echo/Collect', requestStream: true, responseStream: false, ...text },
  spread: { path: '/test.Echo/Spread', requestStream: false, responseStream: true, ...text },
  chat: { path: '/test.Echo/Chat', requestStream: true, responseStream: true, ...text },
} as const;

export interface EchoHandlers {
  readonly unary?: grpc.handleUnaryCall<string, string>;
  readonly collect?: grpc.handleClientStreamingCall<string, string>;
  readonly spread?: grpc.handleServerStreamingCall<string, string>;
  readonly chat?: grpc.handleBidiStreamingCall<string, string>;
}

export interface EchoServer {
  readonly address: string;
  readonly port: number;
  /** Ends everything at once, as a process that dies does. */
  kill(): void;
  /** Takes no more calls, and resolves when those under way have ended. */
  stop(): Promise<void>;
}

/** Starts a server; it is stopped after the test. */
export async function startGrpcServer(
  t: CleansUp,
  handlers: EchoHandlers,
  credentials = grpc.ServerCredentials.createInsecure(),
): Promise<EchoServer> {
  const server = new grpc.Server();
  server.addService(ECHO, handlers as grpc.UntypedServiceImplementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  t.after(() => server.forceShutdown());
  return {
    address: `127.0.0.1:${port}`,
    port,
    kill: () => server.forceShutdown(),
    stop: () => new Promise((resolve, reject) => server.tryShutdown((error) => (error ? reject(error) : resolve()))),
  };
}

/** A configuration in which everything goes to one upstream `app` with these servers; `options` are more of its options, each behind a comma. */
export function grpcTo(servers: readonly { readonly address: string }[], options = ''): string {
  return `
routes: [{ name: all, upstream: app }]
upstreams:
  app: { endpoints: [${servers.map(({ address }) => `'${address}'`).join(', ')}], protocol: http2${options} }
`;
}

/** What a call of the client gives, besides messages. */
interface Ended {
  readonly status: grpc.StatusObject;
  /** Of the response head; `undefined` when there was only one head. */
  readonly metadata: grpc.Metadata | undefined;
}

export interface UnaryResult extends Ended {
  /** `undefined` when the call failed. */
  readonly message: string | undefined;
}

export class EchoClient {
  readonly #client: grpc.Client;

  /** Uses one connection for all its calls, of its own. */
  constructor(port: number, credentials = grpc.credentials.createInsecure(), options: grpc.ClientOptions = {}) {
    this.#client = new grpc.Client(`127.0.0.1:${port}`, credentials, {
      'grpc.use_local_subchannel_pool': 1,
      // Else the client itself repeats what the gateway refuses.
      'grpc.enable_retries': 0,
      ...options,
    });
  }

  unary(message: string, metadata = new grpc.Metadata(), options: grpc.CallOptions = {}): Promise<UnaryResult> {
    const { path, requestSerialize, responseDeserialize } = ECHO.unary;
    let got: string | undefined;
    const call = this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      message,
      metadata,
      options,
      (_error, response) => {
        got = response;
      },
    );
    return ended(call).then((end) => ({ ...end, message: got }));
  }

  collect(metadata = new grpc.Metadata(), options: grpc.CallOptions = {}) {
    const { path, requestSerialize, responseDeserialize } = ECHO.collect;
    let got: string | undefined;
    const call = this.#client.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
      options,
      (_error, response) => {
        got = response;
      },
    );
    const result: Promise<UnaryResult> = ended(call).then((end) => ({ ...end, message: got }));
    return { call, result };
  }

  spread(message: string, metadata = new grpc.Metadata(), options: grpc.CallOptions = {}) {
    const { path, requestSerialize, responseDeserialize } = ECHO.spread;
    return reading(
      this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, message, metadata, options),
    );
  }

  chat(metadata = new grpc.Metadata(), options: grpc.CallOptions = {}) {
    const { path, requestSerialize, responseDeserialize } = ECHO.chat;
    return reading(this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, options));
  }

  close(): void {
    this.#client.close();
  }
}

/** Connects a client; it is closed after the test. */
export function connectGrpc(
  t: CleansUp,
  port: number,
  credentials?: grpc.ChannelCredentials,
  options?: grpc.ClientOptions,
): EchoClient {
  const client = new EchoClient(port, credentials, options);
  t.after(() => client.close());
  return client;
}

/** A call that gets many messages, which are read one by one. */
function reading<Call extends grpc.ClientReadableStream<string>>(call: Call) {
  const end = ended(call);
  const messages = call[Symbol.asyncIterator]() as AsyncIterator<string>;
  return {
    call,
    end,
    /** The next message; `undefined` when there are no more, whatever the status. */
    next: async (): Promise<string | undefined> => {
      const result = await messages.next().catch(() => undefined);
      return result?.done === false ? result.value : undefined;
    },
  };
}

async function ended(call: grpc.ClientUnaryCall): Promise<Ended> {
  let metadata: grpc.Metadata | undefined;
  call.on('metadata', (head: grpc.Metadata) => {
    metadata = head;
  });
  // Who waits for the status learns of an error by it.
  call.on('error', () => {});
  const status = await new Promise<grpc.StatusObject>((resolve) => void call.on('status', resolve));
  return { status, metadata };
}
