// zod, loaded by who makes the first schema: threads that only carry traffic make none, and start faster and smaller without.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

type Zod = typeof import('zod').z;

let loaded: Zod | undefined;

export function zod(): Zod {
  loaded ??= load();
  return loaded;
}

function load(): Zod {
  // By its path, so that it is the same one that others import.
  const { z } = createRequire(import.meta.url)(fileURLToPath(import.meta.resolve('zod'))) as { readonly z: Zod };
  // It may seem wise to let schemas be compiled to code; however, that takes longer than checking any one configuration without.
  z.config({ jitless: true });
  return z;
}
