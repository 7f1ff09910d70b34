// Connections of probes: opened plain or with TLS, and closed with the end of the probe whatever happens.
import net from 'node:net';
import tls from 'node:tls';
import { EndpointTls, type EndpointTlsSettings } from '#model/endpoint-tls.ts';
import { plainReason } from '#model/plain-reason.ts';
import type { ProbeResult, ProbeTarget } from '#model/probe.ts';
import { type Output, s } from '#schema/blocks.ts';
import { endpointTlsOptions } from '#schema/endpoint-tls.ts';

export const TLS_DESCRIPTION =
  "Speaks TLS: true, false, or how; as the upstream's requests do by default. What is left out is as for them too.";

/** The option of probes whose protocol settles what ALPN offers. */
export const tlsOption = s
  .union([s.boolean(), endpointTlsOptions({})])
  .optional()
  .describe(TLS_DESCRIPTION);

/** How a probe speaks TLS with one endpoint. */
export interface ProbeTls {
  readonly tls: EndpointTls;
  /** Protocols offered by ALPN; none when it is empty. */
  readonly alpn: readonly string[];
}

/** How a probe speaks TLS, as its option and the endpoint's upstream say. */
export class TlsChoice {
  readonly #option: Output<typeof tlsOption>;
  readonly #alpn: readonly string[];
  readonly #name: string | undefined;
  #last: { readonly upstream: EndpointTls | undefined; readonly chosen: ProbeTls } | undefined = undefined;

  /** `name` is asked for where neither the option nor the upstream has one. */
  constructor(option: Output<typeof tlsOption>, alpn: readonly string[], name: string | undefined) {
    this.#option = option;
    this.#alpn = alpn;
    this.#name = name;
  }

  /** `undefined` without TLS. */
  of({ tls: upstream }: ProbeTarget): ProbeTls | undefined {
    const option = this.#option ?? upstream !== undefined;
    if (option === false) return undefined;
    if (!this.#last || this.#last.upstream !== upstream) {
      // Who says nothing of TLS wants what requests do, whatever Host the probe has.
      const name = this.#option === undefined ? undefined : this.#name;
      const settings = merge(option === true ? {} : option, upstream?.settings, name);
      this.#last = { upstream, chosen: { tls: new EndpointTls(settings), alpn: this.#alpn } };
    }
    return this.#last.chosen;
  }
}

/** What a probe says itself, and what its upstream says of the rest. */
function merge(
  own: Partial<Exclude<Output<typeof tlsOption>, boolean | undefined>>,
  upstream: EndpointTlsSettings | undefined,
  name: string | undefined,
): EndpointTlsSettings {
  return {
    serverName: own['server-name'] ?? upstream?.serverName ?? name,
    ca: own.ca ?? upstream?.ca,
    cert: own.cert ?? upstream?.cert,
    key: own.key ?? upstream?.key,
    verify: own.verify ?? upstream?.verify ?? true,
    minVersion: own['min-version'] ?? upstream?.minVersion ?? '1.2',
    ciphers: own.ciphers ?? upstream?.ciphers,
  };
}

/** Told once what a probe has found; what comes later is passed over. */
export type Settle = (healthy: boolean, reason: string) => void;

/**
 * Opens a connection and hands it to `use` once it stands. The first verdict ends the probe and the connection; an error or the end
 * of the signal is one too. Rejects with what `use` throws.
 */
export function probeConnection(
  target: ProbeTarget,
  secured: ProbeTls | undefined,
  signal: AbortSignal,
  use: (socket: net.Socket, settle: Settle) => void,
): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const { host, port, socketPath, proxyHeader } = target;
    const plain = net.connect(socketPath === '' ? { host, port } : { path: socketPath });
    const settle: Settle = (healthy, reason) => {
      plain.destroy();
      resolve({ healthy, reason });
    };
    const fail = (error: Error) => settle(false, plainReason(error));
    // What an event's listener throws would end the whole process.
    const guarded = (action: () => void) => () => {
      try {
        action();
      } catch (error) {
        plain.destroy();
        reject(error);
      }
    };
    plain.on('error', fail);
    plain.once(
      'connect',
      guarded(() => {
        if (proxyHeader) plain.write(proxyHeader);
        const socket = secured ? tls.connect({ socket: plain, ...secured.tls.optionsFor(host, secured.alpn) }) : plain;
        if (!secured) use(socket, settle);
        else
          socket.on('error', fail).once(
            'secureConnect',
            guarded(() => use(socket, settle)),
          );
      }),
    );
    signal.addEventListener('abort', () => settle(false, 'timeout'), { once: true });
  });
}
