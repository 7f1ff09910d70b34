// The requests of a simulation that were real ones: read from an access log of Tidegate in its JSON format.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { SimulationError } from './simulation-error.ts';
import type { SimulatedRequest } from './traffic.ts';

export interface Recording {
  /** Wall-clock time at which the first request came: milliseconds since 1970. */
  readonly startsAt: number;
  /** In the order in which they came; the first at 0. */
  readonly requests: readonly SimulatedRequest[];
  /** Records of connections and of requests that were never understood: there is nothing to replay in them. */
  readonly skipped: number;
}

/** What of a record is needed. */
interface LoggedRequest {
  readonly time: string;
  readonly client: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly version: string;
  readonly duration_ms: number;
}

const TEXTS = ['time', 'client', 'method', 'host', 'path', 'version'] as const;

/** Reads a whole log. Throws a `SimulationError` that names the file, and the line where there is one. */
export async function readRecording(file: string): Promise<Recording> {
  const requests: SimulatedRequest[] = [];
  let skipped = 0;
  let number = 0;
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      number++;
      if (line === '') continue;
      const logged = parseRecord(line, `${file}:${number}`);
      if (logged.method === '' || logged.version === 'tcp') skipped++;
      else requests.push(toRequest(logged));
    }
  } catch (error) {
    if (error instanceof SimulationError) throw error;
    throw new SimulationError(`${file} cannot be read: ${(error as Error).message}`);
  }
  return { ...fromFirst(requests, file), skipped };
}

function parseRecord(line: string, place: string): LoggedRequest {
  let record: Partial<Record<string, unknown>>;
  try {
    record = JSON.parse(line);
  } catch {
    throw new SimulationError(`${place}: not JSON: a log of the format json can be replayed (logs.access.format)`);
  }
  const missing = TEXTS.find((name) => typeof record?.[name] !== 'string');
  if (missing !== undefined)
    throw new SimulationError(`${place}: not an access record of Tidegate: it has no ${missing}`);
  if (typeof record.duration_ms !== 'number' || Number.isNaN(Date.parse(record.time as string)))
    throw new SimulationError(`${place}: not an access record of Tidegate: its time or duration_ms is none`);
  return record as unknown as LoggedRequest;
}

/** Records tell the end of an exchange: it came so much earlier as it took. */
function toRequest({ time, client, method, host, path, duration_ms }: LoggedRequest): SimulatedRequest {
  const queryAt = path.indexOf('?');
  return {
    atMs: Date.parse(time) - duration_ms,
    method,
    authority: host,
    path: queryAt < 0 ? path : path.slice(0, queryAt),
    query: queryAt < 0 ? '' : path.slice(queryAt),
    client,
    fields: '',
  };
}

function fromFirst(requests: readonly SimulatedRequest[], file: string): Omit<Recording, 'skipped'> {
  const inOrder = requests.toSorted((a, b) => a.atMs - b.atMs);
  const [first] = inOrder;
  if (!first) throw new SimulationError(`${file} has no request to replay`);
  return {
    startsAt: Math.floor(first.atMs),
    requests: inOrder.map((request) => ({ ...request, atMs: request.atMs - first.atMs })),
  };
}
