// The pieces of work there are, in the order in which all of them run.
import { RESOURCES } from '../lib/origin.ts';
import { handshake } from './handshake.ts';
import { idle } from './idle.ts';
import { latency } from './latency.ts';
import { proxyWork, tcpWork } from './proxy.ts';
import { routes } from './routes.ts';
import { startUp } from './start.ts';
import type { Work } from './work.ts';

export const works: readonly Work[] = [
  proxyWork('h1', RESOURCES.small),
  proxyWork('10k', RESOURCES['10k']),
  proxyWork('1m', RESOURCES['1m']),
  proxyWork('https', RESOURCES.small, 'https'),
  proxyWork('https-1m', RESOURCES['1m'], 'https'),
  proxyWork('h2', RESOURCES.small, 'h2'),
  proxyWork('h2-10k', RESOURCES['10k'], 'h2'),
  proxyWork('h2c', RESOURCES.small, 'h2c'),
  handshake,
  tcpWork('tcp', RESOURCES['1m']),
  latency,
  routes,
  idle,
  startUp,
];
