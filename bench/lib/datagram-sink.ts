// A place for log lines sent as datagrams: bound, then halted, so that the kernel drops what nobody reads and the sink costs
// no processor time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const PROGRAM = `const socket = require('node:dgram').createSocket('udp4');
socket.bind(0, '127.0.0.1', () => console.log(socket.address().port));`;

export interface DatagramSink {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startDatagramSink(): Promise<DatagramSink> {
  const child = spawn(process.execPath, ['-e', PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  return {
    port: Number(line),
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
