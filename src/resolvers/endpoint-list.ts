// Endpoints as text: what the resolvers that read them from files, URLs and keys share. Not a resolver itself.
import { parse } from 'yaml';
import type { ResolvedEndpoint } from '#model/resolver.ts';
import { formatAddress } from '#schema/address.ts';
import { endpointListSchema, endpointSchema } from '#schema/endpoint-list.ts';
import type { Schema } from '#schema/schema.ts';

/** An answer larger than this is not looked at. */
export const MAX_LIST_BYTES = 16 * 1024 * 1024;

/** Reads a list in JSON or YAML. Throws an Error with a sentence that says what is wrong. */
export function parseEndpointList(text: string): readonly ResolvedEndpoint[] {
  const endpoints = checked(endpointListSchema, parse(text) ?? [], 'it is no list of endpoints').map(connectable);
  const seen = new Set<string>();
  for (const endpoint of endpoints) {
    const address = formatAddress(endpoint);
    if (seen.has(address)) throw new Error(`it lists ${address} twice`);
    seen.add(address);
  }
  return endpoints;
}

/** Reads one endpoint: an address, or an object in JSON. Throws an Error with a sentence that says what is wrong. */
export function parseEndpoint(text: string): ResolvedEndpoint {
  const trimmed = text.trim();
  return checkEndpoint(/^["{]/.test(trimmed) ? JSON.parse(trimmed) : trimmed, 'it is no endpoint');
}

/** `value` as an endpoint. Throws an Error that begins with `problem` and says what is wrong. */
export function checkEndpoint(value: unknown, problem: string): ResolvedEndpoint {
  return connectable(checked(endpointSchema, value, problem));
}

function connectable(endpoint: ResolvedEndpoint): ResolvedEndpoint {
  if (endpoint.socketPath === '' && endpoint.port === 0)
    throw new Error(`"${formatAddress(endpoint)}": port 0 cannot be connected to`);
  return endpoint;
}

/** Each address once: the first endpoint that has it. */
export function unique(endpoints: readonly ResolvedEndpoint[]): readonly ResolvedEndpoint[] {
  const byAddress = new Map<string, ResolvedEndpoint>();
  for (const endpoint of endpoints) {
    const address = formatAddress(endpoint);
    if (!byAddress.has(address)) byAddress.set(address, endpoint);
  }
  return [...byAddress.values()];
}

/** The endpoints sorted by address, each address once: the same, in whatever order they were found. */
export function inOrder(endpoints: readonly ResolvedEndpoint[]): readonly ResolvedEndpoint[] {
  return unique(endpoints).toSorted((a, b) => (formatAddress(a) < formatAddress(b) ? -1 : 1));
}

/** `value` as `schema` has it. Throws an Error that begins with `problem` and says what is wrong where. */
export function checked<Output>(schema: Schema<Output>, value: unknown, problem: string): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Error(`${problem}: ${describeFirst(result.error.issues)}`);
}

/** The parts of an issue that are read here. */
interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly errors?: readonly (readonly Issue[])[];
}

/** Says what is wrong first; inside a union, in the member that came furthest. */
function describeFirst([issue]: readonly Issue[], base: readonly PropertyKey[] = []): string {
  if (!issue) return 'something is wrong';
  const path = [...base, ...issue.path];
  const members = issue.errors ?? [];
  if (members.length === 0) return [path.join('.'), issue.message].filter((part) => part !== '').join(': ');
  const isOwnType = ([first]: readonly Issue[]) => first?.code !== 'invalid_type' || first.path.length > 0;
  return describeFirst(members.find(isOwnType) ?? members[0] ?? [], path);
}
