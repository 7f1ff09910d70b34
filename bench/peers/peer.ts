// What a benchmark knows of a program that it compares.
import type { CertificateFiles } from '../lib/certificates.ts';

export interface PeerSettings {
  /** An empty folder for its configuration and its log. */
  readonly folder: string;
  readonly port: number;
  readonly originPort: number;
  /** Takes log lines as datagrams. */
  readonly logPort: number;
  /** Routes of the table, each a host and a prefix. */
  readonly routes: number;
  /** With it TLS is spoken on the port, and by ALPN HTTP/2 and HTTP/1.1. */
  readonly certificate: CertificateFiles | undefined;
  /** Without TLS, HTTP/2 by prior knowledge. */
  readonly h2c: boolean;
}

export interface Peer {
  readonly name: string;
  /** What has to be on the PATH, and the Debian package that brings it. */
  readonly program: string;
  readonly debianPackage: string | undefined;
  readonly versionArguments: readonly string[];
  /** Writes its configuration; returns the command that runs it in the foreground. */
  prepare(settings: PeerSettings): { readonly command: readonly string[]; readonly env?: NodeJS.ProcessEnv };
}
