// What of a fault a gateway cannot keep from its clients; all else that failed is unexpected.
import type { Fault } from './fault-list.ts';
import type { FaultResult } from './fault-run.ts';
import type { Failure } from './load-client.ts';

/** A POST that was sent may have had its effect: RFC 9110 9.2.2 forbids to repeat it. A response that has begun cannot be taken back. */
const UNAVOIDABLE: Readonly<Record<string, (failure: Failure) => boolean>> = {
  kill: isUnrepeatable,
  stop: isUnrepeatable,
  blackhole: isUnrepeatable,
  flap: isUnrepeatable,
  'DNS change': isUnrepeatable,
  'reset in content': ({ seen }) => !/^\d+$/.test(seen),
  '503 burst': ({ method, seen }) => method === 'POST' && seen === '503',
  // Not repeated, as a status of the application: it is its word.
  '500 burst': ({ seen }) => seen === '500',
};

function isUnrepeatable({ method, seen }: Failure): boolean {
  return method === 'POST' && (seen === '502' || seen === '504');
}

export function unexpected({ name }: Fault, { failures }: FaultResult): readonly Failure[] {
  const isUnavoidable = UNAVOIDABLE[name] ?? (() => false);
  return failures.filter((failure) => !isUnavoidable(failure));
}
