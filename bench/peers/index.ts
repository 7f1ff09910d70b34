// The programs compared: each file of this folder is one, and has a line here. The first is what the others are compared with.
import { caddy } from './caddy.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import type { Peer } from './peer.ts';
import { tidegate } from './tidegate.ts';

export const peers: readonly Peer[] = [tidegate, nginx, haproxy, caddy];
