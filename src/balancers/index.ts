// All balancers. Add yours here.
import type { BalancerModule } from '#model/balancer.ts';
import { leastRequests } from './least-requests.ts';
import { random } from './random.ts';
import { roundRobin } from './round-robin.ts';
import { twoChoices } from './two-choices.ts';

export const balancers: readonly BalancerModule[] = [leastRequests, random, roundRobin, twoChoices];
