// A trickle of requests through the gateway, so that the status page has something to show before anybody has done anything.
import { Agent, get } from 'node:http';

/** Twenty requests a second. */
const INTERVAL_MS = 50;

/** Starts it; returns how to end it. What becomes of the requests is for the status page to show. */
export function startTraffic(port: number): () => void {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    const path = sent % 10 === 0 ? '/' : `/api/trickle/${sent}`;
    const request = get({ host: '127.0.0.1', port, path, agent, timeout: 5000 }, (response) => response.resume());
    request.on('timeout', () => request.destroy());
    request.on('error', () => {});
  }, INTERVAL_MS);
  return () => {
    clearInterval(timer);
    agent.destroy();
  };
}
