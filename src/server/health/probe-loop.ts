// Probes one endpoint again and again, one probe at a time, and comes to a verdict. What the verdict means for the endpoint is not
// decided here.
import { compileEndpointTls } from '#config/compile-endpoint-tls.ts';
import type { UpstreamConfig } from '#config/config-schema.ts';
import { describeError } from '#lib/log.ts';
import type { Probe, ProbeResult, ProbeTarget } from '#model/probe.ts';
import type { ResolvedEndpoint } from '#model/resolver.ts';
import { writeOwnHeader } from '#wire/proxy-protocol/write-header.ts';
import type { HealthHost } from './health-host.ts';

export type HealthConfig = NonNullable<UpstreamConfig['health']>;

/** `unknown` before the first probe; `warming` when probes must be passed first. */
export type Verdict = 'unknown' | 'warming' | 'well' | 'unwell';

/** Probes are spread by up to this share of their interval, so that they do not come in waves. */
const JITTER = 0.1;

/** Whether endpoints that come while the gateway runs take no requests until they pass their probes. */
export function mustPassFirst({ health, wake }: UpstreamConfig): boolean {
  // An upstream that is woken up has endpoints before these are ready.
  return health !== undefined && (health.shared.initial === 'must-pass' || wake !== undefined);
}

function targetOf(upstream: UpstreamConfig, address: ResolvedEndpoint): ProbeTarget {
  const { health, 'send-proxy-protocol': version } = upstream;
  const port = health?.shared.port;
  const target = { ...address, tls: compileEndpointTls(upstream)?.endpoint };
  // Who listens on a port of its own expects no connections of proxies, and speaks whatever it likes.
  if (port !== undefined) return { ...target, port };
  const { protocol } = upstream;
  return { ...target, protocol, proxyHeader: version && writeOwnHeader(version === 'v1' ? 1 : 2) };
}

export class ProbeLoop {
  readonly #host: HealthHost;
  /** Told when the verdict has changed. */
  readonly #changed: (reason: string) => void;
  /** Whether the endpoint has yet to show that it is well. */
  #isNew: boolean;
  #config: HealthConfig | undefined = undefined;
  #configText = '';
  #target: ProbeTarget | undefined = undefined;
  #probe: Probe | undefined = undefined;
  #timer: (() => void) | undefined = undefined;
  #abort: AbortController | undefined = undefined;
  #verdict: Verdict = 'unknown';
  #reason = '';
  /** Results of one kind in a row. */
  #row = { healthy: false, length: 0 };

  /** `found` tells whether the endpoint came while others were serving already. */
  constructor(host: HealthHost, found: 'at-start' | 'later', changed: (reason: string) => void) {
    this.#host = host;
    this.#isNew = found === 'later';
    this.#changed = changed;
  }

  get verdict(): Verdict {
    return this.#verdict;
  }

  /** What the last probe has found; '' before the first. */
  get reason(): string {
    return this.#reason;
  }

  /** Probes as the configuration says from now on; when it says nothing else than before, all goes on. */
  configure(upstream: UpstreamConfig, address: ResolvedEndpoint): void {
    const config = upstream.health;
    this.#target = targetOf(upstream, address);
    const text = JSON.stringify(config ? [config, upstream.tls, upstream.protocol] : null);
    if (text === this.#configText) return;
    this.stop();
    this.#configText = text;
    this.#config = config;
    this.#reason = '';
    this.#row = { healthy: false, length: 0 };
    this.#verdict = this.#isNew && mustPassFirst(upstream) ? 'warming' : 'unknown';
    this.#probe = config && this.#host.createProbe(config.type, config.options);
    // The first probe comes at once: a new endpoint is judged quickly.
    if (this.#probe) this.#timer = this.#host.timers.set(() => void this.#check(), 0);
  }

  stop(): void {
    this.#timer?.();
    this.#timer = undefined;
    this.#abort?.abort();
    this.#abort = undefined;
    this.#probe = undefined;
  }

  async #check(): Promise<void> {
    const probe = this.#probe;
    const settings = this.#config?.shared;
    const target = this.#target;
    if (!probe || !settings || !target) return;
    const abort = new AbortController();
    this.#abort = abort;
    const clearTimeout = this.#host.timers.set(() => abort.abort(), settings.timeout);
    const result = await ask(probe, target, abort.signal);
    clearTimeout();
    if (this.#probe !== probe) return;
    this.#abort = undefined;
    this.#judge(result, settings);
    const interval =
      this.#verdict === 'unwell' ? (settings['unhealthy-interval'] ?? settings.interval) : settings.interval;
    const delay = interval * (1 + JITTER * (2 * this.#host.random() - 1));
    this.#timer = this.#host.timers.set(() => void this.#check(), delay);
  }

  #judge({ healthy, reason }: ProbeResult, settings: HealthConfig['shared']): void {
    this.#reason = reason;
    this.#row = { healthy, length: this.#row.healthy === healthy ? this.#row.length + 1 : 1 };
    const verdict = healthy ? 'well' : 'unwell';
    if (verdict === this.#verdict) return;
    const needed = this.#verdict === 'unknown' ? 1 : healthy ? settings.healthy : settings.unhealthy;
    if (this.#row.length < needed) return;
    this.#verdict = verdict;
    if (healthy) this.#isNew = false;
    this.#changed(`probe: ${reason}`);
  }
}

/** The result of one probe. One that fails in itself tells nothing good. */
async function ask(probe: Probe, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  try {
    return await probe.check(target, signal);
  } catch (error) {
    return { healthy: false, reason: `the probe itself failed: ${describeError(error)}` };
  }
}
