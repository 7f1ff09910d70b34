import { BenchRun } from './bench/lib/bench-run.ts'; import { tidegate } from './bench/peers/tidegate.ts'; import { cpuMicroseconds } from './bench/lib/cpu.ts';
const [, , protocol, rounds, seconds, ...variants] = process.argv; // variant: name:dir:ENV=..,--flag
const mk = v => { const [name, dir, extra = ''] = v.split(':'); const env = {}, flags = []; for (const e of extra.split(',').filter(Boolean)) e.startsWith('--') ? flags.push(e) : (env[e.split('=')[0]] = e.split('=')[1]); return { ...tidegate, name, prepare(s) { const { command } = tidegate.prepare(s); return { command: [process.execPath, '--no-warnings', ...flags, dir + '/src/main.ts', ...command.slice(1)], env: { NODE_COMPILE_CACHE: '/root/.cache/tidegate', ...env } }; } }; };
const peers = variants.map(mk);
const b = new BenchRun({ rounds: 1, seconds: +seconds, warmUpSeconds: 3, peers }); await b.open();
const rs = []; for (const p of peers) { const r = await b.start(p, { protocol }); await b.load('item', r)(8); rs.push({ r, s: [] }); }
for (let i = 0; i < +rounds; i++) for (const x of rs) { const c = cpuMicroseconds(x.r.pid); const l = await b.load('item', x.r)(+seconds); x.s.push((cpuMicroseconds(x.r.pid) - c) / l.requests); }
const med = a => a.toSorted((p, q) => p - q)[a.length >> 1];
for (const x of rs) console.log(x.r.peer.name.padEnd(12), 'med', med(x.s).toFixed(1), 'min', Math.min(...x.s).toFixed(1), 'ratio to first', med(x.s.map((v, i) => v / rs[0].s[i])).toFixed(3), x.s.map(v => v.toFixed(0)).join(' '));
for (const x of rs) await x.r.stop(); await b.close(); process.exit();
