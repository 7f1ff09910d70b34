// Chooses by its first bytes where a connection of a TCP listener goes. A name stands over *.name, the longer over the shorter, and
// any of them over no name; then a protocol over none, and an ALPN protocol over none; then the order in which they are written.
import type { FirstBytes, StreamProtocol } from '#wire/first-bytes.ts';

/** What a connection must be; all that is given must hold. */
export interface StreamMatch {
  /** Names in lower case, or `*.name` for all names below; empty when any will do. */
  readonly sni: readonly string[];
  /** One of them must be offered; empty when none has to. */
  readonly alpn: readonly string[];
  readonly protocol: StreamProtocol | 'any';
}

interface Entry<Target> {
  readonly match: StreamMatch;
  readonly target: Target;
}

export class StreamRoutes<Target> {
  /** By name, and by what stands behind `*.`; each list in order of precedence. */
  readonly #exact = new Map<string, Entry<Target>[]>();
  readonly #below = new Map<string, Entry<Target>[]>();
  readonly #nameless: readonly Entry<Target>[];

  constructor(entries: readonly Entry<Target>[]) {
    const ordered = entries.toSorted((a, b) => weight(b.match) - weight(a.match));
    for (const entry of ordered) {
      for (const name of entry.match.sni) {
        const [map, key] = name.startsWith('*.') ? [this.#below, name.slice(2)] : [this.#exact, name];
        map.set(key, [...(map.get(key) ?? []), entry]);
      }
    }
    this.#nameless = ordered.filter(({ match }) => match.sni.length === 0);
  }

  /** `undefined` when none fits. */
  match(first: FirstBytes): Target | undefined {
    for (const entries of this.#lists(first.sni)) {
      const found = entries.find(({ match }) => fits(match, first));
      if (found) return found.target;
    }
    return undefined;
  }

  /** Whether some route names the server, whatever else it asks for. */
  hasName(sni: string): boolean {
    for (const entries of this.#lists(sni)) if (entries !== this.#nameless) return true;
    return false;
  }

  /** The lists that a name leads to, in order of precedence. */
  *#lists(sni: string): Generator<readonly Entry<Target>[]> {
    if (sni !== '') {
      const exact = this.#exact.get(sni);
      if (exact) yield exact;
      for (let dot = sni.indexOf('.'); dot >= 0; dot = sni.indexOf('.', dot + 1)) {
        const below = this.#below.get(sni.slice(dot + 1));
        if (below) yield below;
      }
    }
    yield this.#nameless;
  }
}

function weight({ protocol, alpn }: StreamMatch): number {
  return (protocol === 'any' ? 0 : 2) + (alpn.length > 0 ? 1 : 0);
}

function fits({ protocol, alpn }: StreamMatch, first: FirstBytes): boolean {
  if (protocol !== 'any' && protocol !== first.protocol) return false;
  return alpn.length === 0 || alpn.some((wanted) => first.alpn.includes(wanted));
}
