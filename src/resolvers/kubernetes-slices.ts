// EndpointSlices of Kubernetes (discovery.k8s.io/v1), and the endpoints that they tell of. Pure; kubernetes.ts fetches them.
import type { ResolvedEndpoint } from '#model/resolver.ts';
import { type Output, s } from '#schema/blocks.ts';
import { inOrder } from './endpoint-list.ts';

const flag = () => s.boolean().nullish();

const endpoint = s.part({
  addresses: s.array(s.string()),
  conditions: s.part({ ready: flag(), serving: flag(), terminating: flag() }).nullish(),
  zone: s.string().nullish(),
});

const port = s.part({ name: s.string().nullish(), port: s.integer({ min: 1, max: 65535 }).nullish() });

export const endpointSlice = s.part({
  metadata: s.part({ name: s.string(), resourceVersion: s.string() }),
  addressType: s.string(),
  endpoints: s.array(endpoint).nullish(),
  ports: s.array(port).nullish(),
});

export type EndpointSlice = Output<typeof endpointSlice>;

export interface Selection {
  /** Name or number of the port; `undefined` when there is only one. */
  readonly port: string | number | undefined;
  readonly family: 'any' | 'ipv4' | 'ipv6';
}

export interface Selected {
  readonly endpoints: readonly ResolvedEndpoint[];
  /** What could not be used; '' when all could. */
  readonly flaws: string;
}

/**
 * The endpoints that are ready. When there is none, those that still serve while they end: what kube-proxy does as well,
 * so that the last pods of a service answer until the next ones are there.
 */
export function selectEndpoints(slices: Iterable<EndpointSlice>, selection: Selection): Selected {
  const ready: ResolvedEndpoint[] = [];
  const ending: ResolvedEndpoint[] = [];
  let flaws = '';
  for (const slice of slices) {
    if (!isOfFamily(slice, selection.family) || !slice.endpoints?.length) continue;
    const number = portOf(slice, selection.port);
    if (number === undefined) {
      flaws = `the slice ${slice.metadata.name} has ${describePorts(slice)}, not ${describeWanted(selection.port)}`;
      continue;
    }
    for (const { addresses, conditions, zone } of slice.endpoints) {
      // "A nil value should be interpreted as "true"", of ready and of serving; of terminating as "false".
      const isReady = conditions?.ready ?? true;
      const isEnding = (conditions?.serving ?? true) && (conditions?.terminating ?? false);
      // "Consumers should always use the first element": they are all the same pod.
      const [host] = addresses;
      if (host === undefined || (!isReady && !isEnding)) continue;
      (isReady ? ready : ending).push({ host, port: number, socketPath: '', weight: 1, priority: 0, zone: zone ?? '' });
    }
  }
  return { endpoints: inOrder(ready.length > 0 ? ready : ending), flaws };
}

function isOfFamily({ addressType }: EndpointSlice, family: Selection['family']): boolean {
  if (addressType === 'IPv4') return family !== 'ipv6';
  return addressType === 'IPv6' && family !== 'ipv4';
}

function portOf({ ports }: EndpointSlice, wanted: Selection['port']): number | undefined {
  const all = ports ?? [];
  if (wanted === undefined) return all.length === 1 ? (all[0]?.port ?? undefined) : undefined;
  if (typeof wanted === 'string') return all.find(({ name }) => name === wanted)?.port ?? undefined;
  // A port without a number stands for all of them.
  return all.some(({ port: number }) => (number ?? wanted) === wanted) ? wanted : undefined;
}

function describePorts({ ports }: EndpointSlice): string {
  const names = (ports ?? []).map(({ name, port: number }) => [name, number].filter(Boolean).join(' '));
  return names.length === 0 ? 'no port' : `the ports ${names.join(', ')}`;
}

function describeWanted(wanted: Selection['port']): string {
  if (wanted === undefined) return 'exactly one: say which as port';
  return typeof wanted === 'string' ? `one named ${wanted}` : String(wanted);
}
