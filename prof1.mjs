import { BenchRun } from './bench/lib/bench-run.ts'; import { tidegate } from './bench/peers/tidegate.ts'; import { cpuMicroseconds } from './bench/lib/cpu.ts';
const [, , protocol, seconds = '10', ...flags] = process.argv;
const peer = { ...tidegate, prepare(s) { const { command } = tidegate.prepare(s); return { command: [process.execPath, '--no-warnings', ...flags, 'src/main.ts', ...command.slice(1)] }; } };
const b = new BenchRun({ rounds: 1, seconds: +seconds, warmUpSeconds: 3, peers: [peer] });
import fs from 'node:fs';
await b.open(); const r = await b.start(peer, { protocol }); b.load('item', r); const { spawnSync } = await import('node:child_process'); const load = async (s) => { const { spawn } = await import('node:child_process'); const { once } = await import('node:events'); const ch = spawn('taskset', ['-c', '1', 'wrk', '-t1', '-c' + process.env.C, '-d' + s + 's', '-s', b.folder + '/item-200.lua', 'http://127.0.0.1:' + r.port]); let t = ''; ch.stdout.on('data', d => t += d); await once(ch, 'close'); const j = JSON.parse(t.split('\n').find(l => l.startsWith('{'))); return j; }; await load(+seconds); const c = cpuMicroseconds(r.pid); const x = await load(+seconds); console.log(protocol, ((cpuMicroseconds(r.pid) - c) / x.requests).toFixed(1), 'us', x.requests, x.failed); 
for (const d of fs.readdirSync(b.folder)) if (d.startsWith('Tidegate')) console.log(fs.readFileSync(b.folder + '/' + d + '/output', 'utf8').split('\n').filter(l => / ms: /.test(l)).slice(-25).join('\n'));
await r.stop(); await b.close(); process.exit();
