// A place for log lines sent as datagrams: bound, then halted, so that the kernel drops what nobody reads and the sink costs
// no processor time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Started } from './processes.ts';

const PROGRAM = `const socket = require('node:dgram').createSocket('udp4');
socket.bind(0, '127.0.0.1', () => console.log(socket.address().port));`;

export async function startDatagramSink(): Promise<Started & { readonly port: number }> {
  const child = spawn(process.execPath, ['-e', PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  return {
    pid: child.pid as number,
    port: Number(line),
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
