// Starts a gateway: its first worker, and beside that the rest of the main thread, as both take long to load what they need. What a gateway is
// stands in gateway-start.ts.
import type { Gateway, GatewayOptions } from './gateway-start.ts';
import { startThread } from './worker-thread.ts';

/** Starts the gateway; resolves when it accepts connections. Rejects with a `StartError`. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  // There is always one at least: it comes up while the configuration is read and checked.
  const firstWorker = startThread(0);
  try {
    const { startControlPlane } = await import('./gateway-start.ts');
    return await startControlPlane(firstWorker, options);
  } catch (error) {
    await firstWorker.worker.terminate();
    throw error;
  }
}
