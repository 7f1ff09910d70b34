// All attacks that a gateway is put through.
import type { Attack } from './attack.ts';
import { floods } from './attack-floods.ts';
import { handshakes } from './attack-handshakes.ts';
import { stalls } from './attack-stalls.ts';

export const ATTACKS: readonly Attack[] = [...floods, ...stalls, ...handshakes];
