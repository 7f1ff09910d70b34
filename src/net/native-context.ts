// The OpenSSL context of a `tls.Server`, for what Node can do with contexts and offers for servers under no other name.
import type tls from 'node:tls';

/** What may be missing in another version of Node. */
export interface NativeContext {
  enableTicketKeyCallback?(): void;
  onticketkeycallback?: (name: Uint8Array, iv: Uint8Array, sealing: boolean) => readonly unknown[];
  /** `allowPartialTrustChain` of `tls.createSecureContext`, which servers do not pass on. */
  setAllowPartialTrustChain?(): void;
}

/** Empty where it cannot be had. */
export function nativeContext(server: tls.Server): NativeContext {
  const { _sharedCreds: credentials } = server as unknown as {
    readonly _sharedCreds?: { readonly context?: NativeContext };
  };
  return credentials?.context ?? {};
}
