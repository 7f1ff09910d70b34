// Has a fresh OCSP response for one certificate at hand, and nothing that is out of date. Main thread only.
import { X509Certificate } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { Random } from '#lib/random.ts';
import type { Timers } from '#lib/timers.ts';
import type { Certificate } from '#model/certificate.ts';
import { responderOf } from '#server/certificates/ocsp-needs.ts';
import type { Transport } from '#server/certificates/transport.ts';
import {
  type CheckedResponse,
  checkOcspResponse,
  createOcspRequest,
  mustStaple,
  type Subject,
} from './ocsp-message.ts';

const MINUTE_MS = 60_000;
const FIRST_RETRY_MS = MINUTE_MS;
const MAX_RETRY_MS = 60 * MINUTE_MS;
/** A responder that gives responses which are old already is not asked more often. */
const MIN_REFRESH_MS = 10 * MINUTE_MS;
const MAX_TIMER_MS = 6 * 60 * MINUTE_MS;
/** RFC 5019 section 5: a request of up to so many octets "MUST" be a GET, which caches can answer. */
const MAX_GET_LENGTH = 255;

export interface StaplerHost {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  /** There is another staple, or none any more; resolves when that is in use. */
  changed(): Promise<void>;
  /** The authority has revoked the certificate. */
  revoked(certificate: Certificate): void;
}

export interface StapleStatus {
  readonly status: CheckedResponse['status'] | 'none';
  /** Milliseconds since 1970; 0 for none. */
  readonly nextUpdate: number;
  /** Why the last attempt failed; '' when it did not. */
  readonly reason: string;
}

export class Stapler {
  readonly #certificate: Certificate;
  readonly #subject: Subject;
  readonly #host: StaplerHost;
  readonly #abort = new AbortController();
  #staple: Uint8Array | undefined = undefined;
  #response: CheckedResponse | undefined = undefined;
  #refreshAt = 0;
  #failures = 0;
  #reason = '';
  #cancel: () => void = () => {};

  private constructor(certificate: Certificate, subject: Subject, host: StaplerHost) {
    this.#certificate = certificate;
    this.#subject = subject;
    this.#host = host;
  }

  /** `undefined` for a certificate that names no responder, or whose chain lacks its issuer. */
  static create(certificate: Certificate, host: StaplerHost): Stapler | undefined {
    const subject = subjectOf(certificate);
    if (subject) return new Stapler(certificate, subject, host);
    const leaf = new X509Certificate(certificate.chain);
    if (mustStaple(leaf))
      host.log.warn(
        'clients may refuse a certificate: it promises an OCSP response, and nothing can be asked for one',
        {
          names: certificate.names,
          reason: responderOf(leaf) === undefined ? 'it names no responder' : 'its chain lacks its issuer',
        },
      );
    return undefined;
  }

  get staple(): Uint8Array | undefined {
    return this.#staple;
  }

  get status(): StapleStatus {
    const { status = 'none', nextUpdate = 0 } = this.#response ?? {};
    return { status, nextUpdate, reason: this.#reason };
  }

  start(): void {
    void this.#tick();
  }

  stop(): void {
    this.#cancel();
    this.#abort.abort();
  }

  async #tick(): Promise<void> {
    const { clock } = this.#host;
    this.#dropExpired();
    if (this.#refreshAt <= clock.wall()) await this.#refresh();
    if (!this.#abort.signal.aborted) this.#schedule();
  }

  #schedule(): void {
    const { clock, timers } = this.#host;
    const expiresAt = this.#staple ? (this.#response?.nextUpdate ?? 0) : Number.POSITIVE_INFINITY;
    const delay = Math.min(this.#refreshAt, expiresAt) - clock.wall();
    this.#cancel = timers.set(() => void this.#tick(), Math.min(MAX_TIMER_MS, Math.max(0, delay)));
  }

  #dropExpired(): void {
    if (!this.#staple || (this.#response?.nextUpdate ?? 0) > this.#host.clock.wall()) return;
    this.#staple = undefined;
    this.#response = undefined;
    this.#host.log.warn('a certificate is no longer stapled: its OCSP response is out of date', {
      names: this.#certificate.names,
      reason: this.#reason,
    });
    void this.#host.changed();
  }

  async #refresh(): Promise<void> {
    const { clock, random } = this.#host;
    try {
      const bytes = await this.#fetch();
      const response = checkOcspResponse(bytes, this.#subject, clock.wall());
      if (this.#abort.signal.aborted) return;
      this.#failures = 0;
      this.#reason = '';
      await this.#take(bytes, response);
      const life = response.nextUpdate - response.thisUpdate;
      // Half of its time is left for a responder that is down; a tenth by chance keeps gateways apart.
      const at = response.thisUpdate + life * (0.5 + 0.1 * random());
      this.#refreshAt = Math.max(at, clock.wall() + Math.min(MIN_REFRESH_MS, life / 4));
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#failed((error as Error).message);
    }
  }

  async #take(bytes: Uint8Array, response: CheckedResponse): Promise<void> {
    const { log } = this.#host;
    const before = this.#response?.status;
    this.#response = response;
    this.#staple = response.status === 'good' ? bytes : undefined;
    await this.#host.changed();
    if (response.status === before) return;
    const { names } = this.#certificate;
    if (response.status === 'good')
      log.info('a certificate is stapled', { names, until: isoTime(response.nextUpdate) });
    else if (response.status === 'unknown') log.warn('the OCSP responder does not know a certificate', { names });
    else {
      log.error('a certificate has been revoked by its authority: replace it', { names });
      this.#host.revoked(this.#certificate);
    }
  }

  #failed(reason: string): void {
    const { clock, random, log } = this.#host;
    this.#failures++;
    const delay = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1)) * (0.8 + 0.4 * random());
    this.#refreshAt = clock.wall() + delay;
    // One line a problem: the responder may be down for long.
    if (reason === this.#reason) return;
    this.#reason = reason;
    log.warn('no OCSP response for a certificate', {
      names: this.#certificate.names,
      responder: this.#subject.responder,
      reason,
      ...(this.#staple && { stapledUntil: isoTime(this.#response?.nextUpdate ?? 0) }),
    });
  }

  async #fetch(): Promise<Uint8Array> {
    const { responder } = this.#subject;
    const request = createOcspRequest(this.#subject);
    // RFC 6960 section A.1: {url}/{url-encoding of base64 of the request}.
    const url = `${responder.replace(/\/$/, '')}/${encodeURIComponent(Buffer.from(request).toString('base64'))}`;
    const { signal } = this.#abort;
    const answer = await this.#host.transport(
      url.length <= MAX_GET_LENGTH
        ? { method: 'GET', url, signal }
        : {
            method: 'POST',
            url: responder,
            headers: { 'content-type': 'application/ocsp-request' },
            body: request,
            signal,
          },
    );
    if (answer.status !== 200) throw new Error(`the OCSP responder answered with the status ${answer.status}`);
    return new Uint8Array(answer.body);
  }
}

function subjectOf({ chain }: Certificate): Subject | undefined {
  const [leaf, issuer] = chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (leaf === undefined || issuer === undefined) return undefined;
  const subject = { certificate: new X509Certificate(leaf), issuer: new X509Certificate(issuer) };
  const responder = responderOf(subject.certificate);
  if (responder === undefined || !subject.certificate.checkIssued(subject.issuer)) return undefined;
  return { ...subject, responder };
}

function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
