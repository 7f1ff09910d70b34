// All resolvers. Add yours here.
import type { ResolverModule } from '#model/resolver.ts';
import { dnsResolver } from './dns.ts';

export const resolvers: readonly ResolverModule[] = [dnsResolver];
