// The metrics of TLS handshakes of clients.
import { formatLabels, head } from './exposition.ts';
import { CELL } from './series.ts';
import { HANDSHAKE_FAILURES } from './tls-failures.ts';

interface Reader {
  readonly labels: Readonly<Record<string, string>>;
  read(cell: number): number;
}

/** Only what has happened is shown. */
export function renderHandshakes(lines: string[], readers: readonly Reader[]): void {
  const done = 'tidegate_listener_tls_handshakes_total';
  head(
    lines,
    done,
    'TLS handshakes of clients that came to their end, by version, and whether a session was resumed.',
    'counter',
  );
  for (const { labels, read } of readers) {
    for (const i of [0, 1, 2, 3]) {
      const count = read(CELL.handshakes + i);
      const kind = { version: i < 2 ? 'TLSv1.2' : 'TLSv1.3', resumed: String(i % 2 === 1) };
      if (count > 0) lines.push(`${done}${formatLabels({ ...labels, ...kind })} ${count}`);
    }
  }
  const failed = 'tidegate_listener_tls_handshake_failures_total';
  head(lines, failed, 'TLS handshakes of clients that failed, by kind.', 'counter');
  for (const { labels, read } of readers) {
    for (const [i, kind] of HANDSHAKE_FAILURES.entries()) {
      const count = read(CELL.handshakeFailures + i);
      if (count > 0) lines.push(`${failed}${formatLabels({ ...labels, kind })} ${count}`);
    }
  }
}
