// All resolvers. Add yours here.
import type { ResolverModule } from '#model/resolver.ts';
import { consulResolver } from './consul.ts';
import { dnsResolver } from './dns.ts';
import { dockerResolver } from './docker.ts';
import { etcdResolver } from './etcd.ts';
import { fileResolver } from './file.ts';
import { httpResolver } from './http.ts';
import { kubernetesResolver } from './kubernetes.ts';

export const resolvers: readonly ResolverModule[] = [
  consulResolver,
  dnsResolver,
  dockerResolver,
  etcdResolver,
  fileResolver,
  httpResolver,
  kubernetesResolver,
];
