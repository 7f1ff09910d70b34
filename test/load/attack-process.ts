// Runs one attack as a process of its own, so that it takes no time from those who watch. Arguments: its name, the port, the port with
// TLS, milliseconds. Prints what it did as JSON.
import { Tally } from './attack.ts';
import { ATTACKS } from './attack-list.ts';

const [name, port, securePort, ms] = process.argv.slice(2);
const attack = ATTACKS.find((candidate) => candidate.name === name);
if (!attack) throw new Error(`there is no attack ${name}`);

const tally = new Tally();
const over = new AbortController();
setTimeout(() => over.abort(), Number(ms));
await attack.run({ port: Number(port), securePort: Number(securePort), signal: over.signal, tally });
process.stdout.write(`${JSON.stringify(tally.sheet)}\n`);
process.exit();
