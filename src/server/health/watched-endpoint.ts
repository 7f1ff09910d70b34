// One endpoint under watch: puts its probes, ejections and draining together into one status, and tells when that changes.
import type { UpstreamConfig } from '#config/config-schema.ts';
import { type EndpointStatus, takesRequests } from '#memory/endpoint-table.ts';
import type { ResolvedEndpoint } from '#model/resolver.ts';
import { Ejection, type EjectionCause } from './ejection.ts';
import type { EndpointHealth, HealthChange, HealthHost } from './health-host.ts';
import { ProbeLoop } from './probe-loop.ts';

const MAX_HISTORY = 20;

export interface WatchedIdentity {
  /** Of its series and cells. */
  readonly key: string;
  readonly upstream: string;
  readonly endpoint: string;
  /** Whether it was there when the gateway started, or came while others were serving. */
  readonly found: 'at-start' | 'later';
}

export class WatchedEndpoint {
  readonly identity: WatchedIdentity;
  readonly #host: HealthHost;
  readonly #probes: ProbeLoop;
  readonly #ejection: Ejection;
  readonly #history: HealthChange[] = [];
  #isDraining = false;
  #status: EndpointStatus = 'unknown';
  #reason = '';

  constructor(identity: WatchedIdentity, host: HealthHost) {
    this.identity = identity;
    this.#host = host;
    this.#probes = new ProbeLoop(host, identity.found, (reason) => this.#publish(reason));
    this.#ejection = new Ejection(host.clock, host.timers, () => {
      host.cells(identity.key)?.recordSuccess();
      this.#publish('back after ejection');
    });
  }

  get status(): EndpointStatus {
    return this.#status;
  }

  get isEjected(): boolean {
    return this.#ejection.isActive;
  }

  get health(): EndpointHealth {
    const isWarming = this.#status === 'warming' && this.#probes.reason !== '';
    return {
      status: this.#status,
      reason: isWarming ? `probe: ${this.#probes.reason}` : this.#reason,
      ejections: this.#ejection.counts,
      history: this.#history,
    };
  }

  configure(config: UpstreamConfig, address: ResolvedEndpoint): void {
    this.#probes.configure(config, address);
    this.#publish(this.#probes.verdict === 'warming' ? 'must pass its probes first' : 'the probe has changed');
  }

  stop(): void {
    this.#probes.stop();
    this.#ejection.stop();
  }

  /** Takes the endpoint out for a while; it must not be out already. */
  eject(cause: EjectionCause, reason: string, config: UpstreamConfig['eject']): void {
    this.#ejection.begin(cause, config);
    this.#publish(reason);
  }

  setDraining(isDraining: boolean): void {
    this.#isDraining = isDraining;
    this.#publish(isDraining ? 'drained by an operator' : 'draining ended by an operator');
  }

  /** Works out the status, and tells the workers, the history and the log when it changed. */
  #publish(reason: string): void {
    const status = this.#statusNow();
    const cells = this.#host.cells(this.identity.key);
    if (takesRequests(status) && !takesRequests(this.#status)) cells?.markReady(this.#host.clock.wall());
    cells?.setStatus(status);
    if (status === this.#status) return;
    const isFirst = this.#status === 'unknown' && status === 'healthy';
    this.#status = status;
    this.#reason = reason;
    this.#history.push({ time: this.#host.clock.wall(), status, reason: this.#reason });
    if (this.#history.length > MAX_HISTORY) this.#history.shift();
    const facts = { upstream: this.identity.upstream, endpoint: this.identity.endpoint, reason: this.#reason };
    if (status === 'unhealthy' || status === 'ejected') this.#host.log.warn(`endpoint is ${status}`, facts);
    else if (!isFirst) this.#host.log.info(`endpoint is ${status}`, facts);
  }

  #statusNow(): EndpointStatus {
    if (this.#isDraining) return 'draining';
    const { verdict } = this.#probes;
    if (verdict === 'unwell') return 'unhealthy';
    if (this.isEjected) return 'ejected';
    return verdict === 'well' ? 'healthy' : verdict;
  }
}
