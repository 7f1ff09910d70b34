// All probes. Add yours here.
import type { ProbeModule } from '#model/probe.ts';
import { command } from './command.ts';
import { httpProbe } from './http.ts';
import { tcp } from './tcp.ts';
import { udp } from './udp.ts';

export const probes: readonly ProbeModule[] = [command, httpProbe, tcp, udp];
