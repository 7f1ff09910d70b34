// Answers to the challenges by which ACME servers find out whose names are (RFC 8555 section 8): plain data that can be sent to workers.

export interface Challenges {
  /** By token: what is served at /.well-known/acme-challenge/TOKEN (RFC 8555 section 8.3). */
  readonly answers: ReadonlyMap<string, string>;
  /** By name in lower case: what a handshake with the protocol acme-tls/1 gets (RFC 8737). */
  readonly certificates: ReadonlyMap<string, ChallengeCertificate>;
}

export interface ChallengeCertificate {
  /** In PEM, as is `key`. */
  readonly chain: string;
  readonly key: string;
}

export const NO_CHALLENGES: Challenges = { answers: new Map(), certificates: new Map() };
