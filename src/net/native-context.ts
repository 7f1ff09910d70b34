// The OpenSSL context of a `tls.Server`, for what Node can do with contexts and offers for servers under no other name.
// `_sharedCreds` is where servers have kept it since Node 0.12.
import type { SecureContext, Server } from 'node:tls';

/** What may be missing in another version of Node. */
export interface NativeContext {
  enableTicketKeyCallback?(): void;
  onticketkeycallback?: (name: Uint8Array, iv: Uint8Array, sealing: boolean) => readonly unknown[];
  /** `allowPartialTrustChain` of `tls.createSecureContext`, which servers do not pass on. */
  setAllowPartialTrustChain?(): void;
}

/** What the handshakes of the server are made with. */
export function credentialsOf(server: Server): SecureContext {
  const { _sharedCreds: credentials } = server as unknown as { readonly _sharedCreds?: SecureContext };
  if (!credentials) throw new Error('this version of Node.js keeps the credentials of TLS servers elsewhere');
  return credentials;
}

/** Empty where it cannot be had. */
export function nativeContext(server: Server): NativeContext {
  return credentialsOf(server).context as NativeContext;
}
