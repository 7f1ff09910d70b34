// How a client speaks: in the clear or by TLS, perhaps to a trusted proxy in front.
import type { Exchange } from './exchange.ts';

/** Whether the client's request came by HTTPS: here, or as a trusted proxy in front says. */
export function arrivedSecurely({ request }: Exchange): boolean {
  // Only what a trusted proxy has said is still there (`proxy/forwarding.ts`). Behind several, the first one had the client.
  const told = request.fields.get('x-forwarded-proto');
  return told === undefined ? request.scheme === 'https' : /^\s*https\s*(?:,|$)/i.test(told);
}
