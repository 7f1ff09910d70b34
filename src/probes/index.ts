// All probes. Add yours here.
import type { ProbeModule } from '#model/probe.ts';
import { httpProbe } from './http.ts';
import { tcp } from './tcp.ts';

export const probes: readonly ProbeModule[] = [httpProbe, tcp];
