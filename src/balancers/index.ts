// All balancers. Add yours here.
import type { BalancerModule } from '#model/balancer.ts';
import { consistentHash, sourceHash } from './consistent-hash.ts';
import { firstFit } from './first-fit.ts';
import { leastRequests } from './least-requests.ts';
import { leastResponseTime } from './least-response-time.ts';
import { random } from './random.ts';
import { roundRobin } from './round-robin.ts';
import { twoChoices } from './two-choices.ts';

export const balancers: readonly BalancerModule[] = [
  consistentHash,
  firstFit,
  leastRequests,
  leastResponseTime,
  random,
  roundRobin,
  sourceHash,
  twoChoices,
];
