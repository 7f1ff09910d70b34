// Containers as the Docker Engine lists them, and the endpoints that their labels make of them. Pure; docker.ts fetches them.
import type { ResolvedEndpoint } from '#model/resolver.ts';
import { formatAddress } from '#schema/address.ts';
import { type Output, s } from '#schema/blocks.ts';
import { checkEndpoint, inOrder } from './endpoint-list.ts';

const LABEL_PREFIX = 'tidegate.label.';

const network = s.part({ IPAddress: s.string().nullish(), GlobalIPv6Address: s.string().nullish() });

/** An item of the answer to `GET /containers/json`. */
export const container = s.part({
  Id: s.string(),
  Names: s.array(s.string()).nullish(),
  Labels: s.record(s.string()).nullish(),
  Ports: s.array(s.part({ PrivatePort: s.integer({ min: 0, max: 65535 }), Type: s.string() })).nullish(),
  NetworkSettings: s.part({ Networks: s.record(network).nullish() }).nullish(),
});

export type Container = Output<typeof container>;

/** What holds for containers that have no label that says it. */
export interface ContainerDefaults {
  readonly port?: number | undefined;
  readonly network?: string | undefined;
}

export interface SelectedContainers {
  readonly endpoints: readonly ResolvedEndpoint[];
  /** Why a container could not be used; '' when all could. */
  readonly flaws: string;
}

export function selectContainers(containers: readonly Container[], defaults: ContainerDefaults): SelectedContainers {
  const endpoints: ResolvedEndpoint[] = [];
  let flaws = '';
  for (const one of containers) {
    try {
      endpoints.push(toEndpoint(one, defaults));
    } catch (error) {
      flaws = `the container ${nameOf(one)}: ${(error as Error).message}`;
    }
  }
  return { endpoints: inOrder(endpoints), flaws };
}

function toEndpoint(one: Container, defaults: ContainerDefaults): ResolvedEndpoint {
  const label = (name: string) => one.Labels?.[`tidegate.${name}`];
  const host = addressOf(one, label('network') ?? defaults.network);
  const port = numberOf(label('port')) ?? defaults.port ?? onlyPort(one);
  const given = {
    address: formatAddress({ host, port, socketPath: '' }),
    weight: numberOf(label('weight')),
    priority: numberOf(label('priority')),
    backup: label('backup') === 'true',
    zone: label('zone'),
    labels: labelsOf(one),
  };
  return checkEndpoint(given, 'its labels are not as they should be');
}

/** `tidegate.label.version` is the label `version` of the endpoint. */
function labelsOf({ Labels: labels }: Container): Readonly<Record<string, string>> {
  const own = Object.entries(labels ?? {}).filter(([name]) => name.startsWith(LABEL_PREFIX));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(LABEL_PREFIX.length), value]));
}

function addressOf({ NetworkSettings: settings }: Container, wanted: string | undefined): string {
  const networks = Object.entries(settings?.Networks ?? {});
  const names = networks.map(([name]) => name).join(', ');
  if (wanted === undefined && networks.length > 1)
    throw new Error(`it is in the networks ${names}: name one as network, or with the label tidegate.network`);
  const [name, found] = networks.find(([one]) => wanted === undefined || one === wanted) ?? [];
  if (!found) throw new Error(`it is in ${names === '' ? 'no network' : `the networks ${names}, not in ${wanted}`}`);
  const address = found.IPAddress || found.GlobalIPv6Address;
  if (!address) throw new Error(`it has no address of its own in the network ${name}`);
  return address;
}

function onlyPort({ Ports: ports }: Container): number {
  const exposed = new Set((ports ?? []).filter(({ Type }) => Type === 'tcp').map(({ PrivatePort }) => PrivatePort));
  const [port] = exposed;
  if (port === undefined || exposed.size > 1)
    throw new Error(
      `it exposes ${exposed.size === 0 ? 'no TCP port' : `the ports ${[...exposed].join(', ')}`}: say which as port, or with the label tidegate.port`,
    );
  return port;
}

/** A label as a number; one that is none stays for the check to find. */
function numberOf(label: string | undefined): number | undefined {
  return label === undefined ? undefined : Number(label);
}

function nameOf({ Names: names, Id: id }: Container): string {
  return names?.[0]?.replace(/^\//, '') ?? id.slice(0, 12);
}
