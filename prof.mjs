import { BenchRun } from './bench/lib/bench-run.ts'; import { tidegate } from './bench/peers/tidegate.ts'; import { cpuMicroseconds } from './bench/lib/cpu.ts';
const [, , protocol, seconds = '10', ...flags] = process.argv;
const peer = { ...tidegate, prepare(s) { const { command } = tidegate.prepare(s); return { command: [process.execPath, '--no-warnings', ...flags, 'src/main.ts', ...command.slice(1)] }; } };
const b = new BenchRun({ rounds: 1, seconds: +seconds, warmUpSeconds: 3, peers: [peer] });
import fs from 'node:fs';
await b.open(); const r = await b.start(peer, { protocol }); const load = b.load('item', r); await load(+seconds); const c = cpuMicroseconds(r.pid); const x = await load(+seconds); console.log(protocol, ((cpuMicroseconds(r.pid) - c) / x.requests).toFixed(1), 'us', x.requests, x.failed); 
for (const d of fs.readdirSync(b.folder)) if (d.startsWith('Tidegate')) console.log(fs.readFileSync(b.folder + '/' + d + '/output', 'utf8').split('\n').filter(l => / ms: /.test(l)).slice(-25).join('\n'));
await r.stop(); await b.close(); process.exit();
