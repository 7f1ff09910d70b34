// TLS handshakes without a request: full ones and such as take up a session again, with either kind of key.
import { KEY_KINDS, type KeyKind } from '../lib/certificates.ts';
import { handshakeLoad } from '../lib/handshakes.ts';
import { compare } from './compare.ts';
import type { Work } from './work.ts';

interface Case {
  readonly keyKind: KeyKind;
  readonly resumed: boolean;
}

const CASES: readonly Case[] = KEY_KINDS.flatMap((keyKind) => [
  { keyKind, resumed: false },
  { keyKind, resumed: true },
]);

const KEY_NAMES: Readonly<Record<KeyKind, string>> = { ecdsa: 'ECDSA P-256', rsa: 'RSA 2048' };

function nameOf({ keyKind, resumed }: Case): string {
  return `${KEY_NAMES[keyKind]}, ${resumed ? 'resumed' : 'full'}`;
}

export const handshake: Work = {
  name: 'handshake',
  summary: 'TLS 1.3 handshakes, full and resumed, a connection each without a request',
  needs: ['openssl'],
  async run(bench, say) {
    const { peers } = bench.options;
    const results = [];
    for (const one of CASES) {
      const comparison = {
        name: `handshake ${nameOf(one)}`,
        title: this.summary,
        of: 'handshake',
        peers,
        startedWith: { protocol: 'https' as const, keyKind: one.keyKind },
        verify: async () => {},
        load: ({ port }: { readonly port: number }) => handshakeLoad({ port, resumed: one.resumed }),
      };
      results.push({ one, result: await compare(comparison, bench, say) });
    }
    const [first] = results;
    if (!first) throw new Error('there is no kind of handshake');
    return {
      ...first.result,
      rows: results.flatMap(({ one, result }) =>
        result.rows.map(([peer = '', ...cells]) => [`${nameOf(one)}: ${peer}`, ...cells]),
      ),
      figures: results.map(({ one, result }) => ({ ...one, peers: result.figures })),
    };
  },
};
