// All probes. Add yours here.
import type { ProbeModule } from '#model/probe.ts';
import { command } from './command.ts';
import { grpc } from './grpc.ts';
import { httpProbe } from './http.ts';
import { tcp } from './tcp.ts';
import { udp } from './udp.ts';

export const probes: readonly ProbeModule[] = [command, grpc, httpProbe, tcp, udp];
