// What the package exports to those who write policies, balancers, probes and resolvers of their own. Not for the program
// itself: its folders import each other's files.
export { type ConfigInput, defineConfig } from '#config/define-config.ts';
export { Fields } from '#http/fields.ts';
export {
  type Balancer,
  type BalancerHost,
  type BalancerModule,
  defineBalancer,
} from '#model/balancer.ts';
export { type Body, type BodySink, type FixedBody, fixedBody, type StreamBody, UNKNOWN_LENGTH } from '#model/body.ts';
export { ConfigurationError, type ConfigurationProblem } from '#model/configuration-error.ts';
export type { Exchange } from '#model/exchange.ts';
export { type Handler, type Middleware, mapResponse } from '#model/handler.ts';
export type { Request, Response } from '#model/message.ts';
export { definePolicy, type PolicyHost, type PolicyModule } from '#model/policy.ts';
export { defineProbe, type Probe, type ProbeModule, type ProbeResult, type ProbeTarget } from '#model/probe.ts';
export { type ErrorCode, ProxyError } from '#model/proxy-error.ts';
export {
  defineResolver,
  type ResolvedEndpoint,
  type Resolver,
  type ResolverHost,
  type ResolverModule,
} from '#model/resolver.ts';
export type { Endpoint, Upstream } from '#model/upstream.ts';
export { s } from '#schema/blocks.ts';
export { startGateway as createGateway } from '#server/gateway.ts';
export type { Gateway, GatewayOptions } from '#server/gateway-start.ts';
