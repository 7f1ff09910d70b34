// A place for log lines sent as datagrams: bound, then halted, so that the kernel drops what nobody reads and the sink costs
// no processor time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Started } from './processes.ts';

const PROGRAM =
  "require('node:dgram').createSocket('udp4').bind(Number(process.argv[1]), '127.0.0.1', () => console.log())";

export async function startDatagramSink(port: number): Promise<Started> {
  const child = spawn(process.execPath, ['-e', PROGRAM, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  return {
    pid: child.pid as number,
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
