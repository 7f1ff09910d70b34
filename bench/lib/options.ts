// Reads the command line of the benchmarks.
import { parseArgs } from 'node:util';
import { peers } from '../peers/index.ts';
import type { Peer } from '../peers/peer.ts';
import { otherTidegate } from '../peers/tidegate.ts';

export interface Options {
  /** Names of the works asked for; none for all. */
  readonly works: readonly string[];
  readonly peers: readonly Peer[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Whether missing peers may be installed. */
  readonly install: boolean;
  readonly record: boolean;
  readonly help: boolean;
}

/** Throws an Error with a sentence for people when the command line is wrong. */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      peers: { type: 'string' },
      beside: { type: 'string' },
      quick: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, record, help } = values;
  return {
    works: positionals,
    peers: [...choosePeers(values.peers), ...(values.beside === undefined ? [] : [otherTidegate(values.beside)])],
    rounds: wholeNumber('--rounds', values.rounds ?? (quick ? '1' : '5')),
    seconds: wholeNumber('--seconds', values.seconds ?? (quick ? '1' : '4')),
    warmUpSeconds: quick ? 1 : 3,
    install: !quick,
    record,
    help,
  };
}

/** Tidegate is always among them, since it is what the others are compared with. */
function choosePeers(list: string | undefined): readonly Peer[] {
  if (list === undefined) return peers;
  const wanted = list.toLowerCase().split(',');
  const known = peers.map(({ name }) => name.toLowerCase());
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`There is no peer "${unknown}": there are ${known.join(', ')}.`);
  return peers.filter(({ name }) => name === 'Tidegate' || wanted.includes(name.toLowerCase()));
}

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new Error(`${option} takes a whole number from 1 to 9999, not "${text}".`);
  return Number(text);
}
