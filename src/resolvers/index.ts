// All resolvers. Add yours here.
import type { ResolverModule } from '#model/resolver.ts';
import { dnsResolver } from './dns.ts';
import { fileResolver } from './file.ts';
import { httpResolver } from './http.ts';

export const resolvers: readonly ResolverModule[] = [dnsResolver, fileResolver, httpResolver];
