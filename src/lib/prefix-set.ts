// Which of many IP prefixes an address belongs to: a binary trie for each address family.
import { parseIpAddress, parseIpPrefix } from './ip-address.ts';

interface Node<Value> {
  zero: Node<Value> | undefined;
  one: Node<Value> | undefined;
  value: Value | undefined;
}

/** Values by prefix; the longest prefix that holds an address wins. */
export class PrefixMap<Value> {
  readonly #roots = { 4: emptyNode<Value>(), 6: emptyNode<Value>() };

  /** Throws a RangeError when `prefix` is not one. Of two equal prefixes the first stays. */
  add(prefix: string, value: Value): void {
    const parsed = parseIpPrefix(prefix);
    if (!parsed) throw new RangeError(`not an IP prefix: ${prefix}`);
    let node = this.#roots[parsed.version];
    for (let bit = 0; bit < parsed.length; bit++) {
      const side = isSet(parsed.bytes, bit) ? 'one' : 'zero';
      node[side] ??= emptyNode<Value>();
      node = node[side];
    }
    node.value ??= value;
  }

  /** `undefined` when no prefix holds the address, or it is none. */
  get(address: string): Value | undefined {
    const parsed = parseIpAddress(address);
    if (!parsed) return undefined;
    let node: Node<Value> | undefined = this.#roots[parsed.version];
    let found = node.value;
    for (let bit = 0; bit < parsed.bytes.length * 8; bit++) {
      node = isSet(parsed.bytes, bit) ? node.one : node.zero;
      if (!node) break;
      if (node.value !== undefined) found = node.value;
    }
    return found;
  }
}

/** A set of prefixes. */
export class PrefixSet {
  readonly #map = new PrefixMap<true>();
  readonly #empty: boolean;

  constructor(prefixes: readonly string[]) {
    for (const prefix of prefixes) this.#map.add(prefix, true);
    this.#empty = prefixes.length === 0;
  }

  /** Whether one of the prefixes holds the address. */
  has(address: string): boolean {
    return !this.#empty && this.#map.get(address) === true;
  }
}

function emptyNode<Value>(): Node<Value> {
  return { zero: undefined, one: undefined, value: undefined };
}

function isSet(bytes: Uint8Array, bit: number): boolean {
  return (((bytes[bit >> 3] as number) >> (7 - (bit & 7))) & 1) === 1;
}
