// Which endpoints answer so much worse than the others of their upstream that they should be ejected. Pure: figures in, verdicts out.

/** What attempts at one endpoint came to within a window. */
export interface EndpointFigures {
  readonly key: string;
  readonly successes: number;
  readonly failures: number;
  /** Sum over the successes of the time until the response head. */
  readonly latencyMs: number;
}

export interface SuccessRateRule {
  readonly deviations: number;
  readonly margin: number;
  readonly 'min-endpoints': number;
  readonly 'min-requests': number;
}

export interface LatencyRule {
  readonly times: number;
  readonly 'min-latency': number;
  readonly 'min-endpoints': number;
  readonly 'min-requests': number;
}

export interface OutlierRules {
  readonly 'success-rate'?: SuccessRateRule | undefined;
  readonly latency?: LatencyRule | undefined;
}

export interface Outlier {
  readonly key: string;
  readonly cause: 'success-rate' | 'latency';
  /** The figures in words. */
  readonly reason: string;
}

/** Endpoints that do alike may differ from their mean by so much. */
const ROUNDING = 1e-9;

/** The outliers, each once: by success rate before those by latency, the worst first. */
export function findOutliers(figures: readonly EndpointFigures[], rules: OutlierRules): readonly Outlier[] {
  const failing = rules['success-rate'] ? findFailing(figures, rules['success-rate']) : [];
  const slow = rules.latency ? findSlow(figures, rules.latency) : [];
  return [...failing, ...slow.filter(({ key }) => !failing.some((outlier) => outlier.key === key))];
}

function findFailing(figures: readonly EndpointFigures[], rule: SuccessRateRule): readonly Outlier[] {
  const judged = figures
    .map(({ key, successes, failures }) => ({ key, requests: successes + failures, successes }))
    .filter(({ requests }) => requests >= rule['min-requests'])
    .map((endpoint) => ({ ...endpoint, rate: endpoint.successes / endpoint.requests }));
  if (judged.length < rule['min-endpoints']) return [];
  const average = mean(judged.map(({ rate }) => rate));
  const deviation = Math.sqrt(mean(judged.map(({ rate }) => (rate - average) ** 2)));
  const threshold = average - Math.max(rule.deviations * deviation, rule.margin, ROUNDING);
  return judged
    .filter(({ rate }) => rate < threshold)
    .sort((a, b) => a.rate - b.rate)
    .map(({ key, rate, requests }) => ({
      key,
      cause: 'success-rate',
      reason: `success rate ${percent(rate)} of ${requests} requests; the ${judged.length} endpoints have ${percent(average)} on average, and the least allowed is ${percent(threshold)}`,
    }));
}

function findSlow(figures: readonly EndpointFigures[], rule: LatencyRule): readonly Outlier[] {
  const judged = figures
    .filter(({ successes }) => successes >= rule['min-requests'])
    .map(({ key, successes, latencyMs }) => ({ key, successes, average: latencyMs / successes }));
  if (judged.length < rule['min-endpoints']) return [];
  return judged
    .map((endpoint) => ({
      ...endpoint,
      others: median(judged.filter((other) => other !== endpoint).map(({ average }) => average)),
    }))
    .filter(({ average, others }) => average > rule['min-latency'] && average > rule.times * others)
    .sort((a, b) => b.average - a.average)
    .map(({ key, successes, average, others }) => ({
      key,
      cause: 'latency',
      reason: `${milliseconds(average)} on average over ${successes} requests; the median of the other ${judged.length - 1} endpoints is ${milliseconds(others)}`,
    }));
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
