// An upstream as one route sees it that waits longer, or less long, than others: the same endpoints, connections and counts under other
// timeouts.
import type { Upstream, UpstreamTimeouts } from '#model/upstream.ts';

export function withTimeouts(whole: Upstream, timeouts: Partial<UpstreamTimeouts>): Upstream {
  return {
    ...whole,
    timeouts: { ...whole.timeouts, ...timeouts },
    get endpoints() {
      return whole.endpoints;
    },
  };
}
