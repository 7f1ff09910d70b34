// Connections of probes: opened plain or with TLS, closed with the end of the probe whatever happens, and failures put in plain words.
import { X509Certificate } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import type { ProbeResult, ProbeTarget } from '#model/probe.ts';
import { type Output, s } from '#schema/blocks.ts';

/** Settings of TLS that every probe has. */
export const tlsSettings = s.object({
  'server-name': s
    .string()
    .min(1)
    .optional()
    .describe(
      "Name that is asked for and must be in the certificate; that of host, or else the endpoint's, by default.",
    ),
  ca: s
    .checked(certificatesProblem)
    .optional()
    .describe('Certificates in PEM of the authorities that are trusted, as ${file:ca.pem}; the usual ones by default.'),
  verify: s.boolean().default(true).describe('Whether the certificate is checked.'),
});

export const TLS_DESCRIPTION = 'Speaks TLS: true, or how.';

/** The option of probes whose protocol settles what ALPN offers. */
export const tlsOption = s.union([s.boolean(), tlsSettings]).default(false).describe(TLS_DESCRIPTION);

/** How one connection is opened. */
export interface ProbeTls extends Output<typeof tlsSettings> {
  /** Protocols offered by ALPN; none when it is empty. */
  readonly alpn: readonly string[];
}

/** The settings that an option stands for; `undefined` without TLS. `name` is used where the option has none. */
export function readTls(
  option: Output<typeof tlsOption>,
  alpn: readonly string[],
  name: string | undefined,
): ProbeTls | undefined {
  if (option === false) return undefined;
  const given = option === true ? { verify: true } : option;
  return { ...given, 'server-name': given['server-name'] ?? name, alpn };
}

/** Told once what a probe has found; what comes later is passed over. */
export type Settle = (healthy: boolean, reason: string) => void;

/**
 * Opens a connection and hands it to `use` once it stands. The first verdict ends the probe and the connection; an error or the end
 * of the signal is one too. Rejects with what `use` throws.
 */
export function probeConnection(
  target: ProbeTarget,
  settings: ProbeTls | undefined,
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
        const socket = settings ? secure(plain, host, settings) : plain;
        if (!settings) use(socket, settle);
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

function secure(socket: net.Socket, host: string, settings: ProbeTls): tls.TLSSocket {
  const name = settings['server-name'] ?? (host || 'localhost');
  return tls.connect({
    socket,
    // RFC 6066 3: "Literal IPv4 and IPv6 addresses are not permitted in HostName".
    ...(net.isIP(name) === 0 ? { servername: name } : {}),
    ...(settings.ca === undefined ? {} : { ca: settings.ca }),
    ALPNProtocols: [...settings.alpn],
    rejectUnauthorized: settings.verify,
    checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(name, certificate),
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOENT: 'no such socket',
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name does not resolve now',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  CERT_REVOKED: 'the certificate was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is signed by itself and not trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate is of an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT: 'the certificate is of an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate is of an authority that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate is of an authority that is not trusted',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the endpoint does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the endpoint does not speak TLS',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'the endpoint speaks none of the protocols offered by ALPN',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the endpoint wants a certificate of its client',
};

/** Why a connection failed, for people. */
export function plainReason(error: NodeJS.ErrnoException): string {
  if (error.code === 'ERR_TLS_CERT_ALTNAME_INVALID') return wrongName(error as Error & { cert?: tls.PeerCertificate });
  // Node's own error where the other side ends the connection, which no system call has reported.
  if (error.code === 'ECONNRESET' && error.syscall === undefined) return 'the connection was closed early';
  return REASONS[error.code ?? ''] ?? error.message;
}

function wrongName({ cert, message }: Error & { cert?: tls.PeerCertificate }): string {
  const names = cert?.subjectaltname?.replaceAll('DNS:', '').replaceAll('IP Address:', '');
  return names === undefined
    ? `the certificate is for another name: ${message}`
    : `the certificate is for ${names} only`;
}

/** What is wrong with certificates in PEM; `undefined` when nothing is. */
function certificatesProblem(pem: string): string | undefined {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) return 'holds no certificate in PEM; ${file:ca.pem} takes them from a file';
  const broken = found.findIndex((one) => !isCertificate(one));
  return broken < 0 ? undefined : `certificate ${broken + 1} cannot be read`;
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
