// Writes the certificates of a gateway as a table for a terminal.
import { formatTable } from '#lib/text-table.ts';
import type { CertificateStatus } from '#schema/admin-schemas.ts';

const DAY_MS = 24 * 3_600_000;
/** More names than so many are counted. */
const MAX_NAMES = 3;

/** `now` is in milliseconds since 1970. */
export function formatCertificates(certificates: readonly CertificateStatus[], now: number): string {
  if (certificates.length === 0) return 'no listener has TLS\n';
  const rows = certificates.map((one) => [
    one.listener,
    one.upload === null ? one.source : `upload ${one.upload}`,
    formatNames(one.names),
    one.issuer ?? '-',
    one.keyType ?? '-',
    formatExpiry(one.notAfter, now),
    one.stapledUntil === null ? (one.ocsp ?? '-') : 'stapled',
    one.nextRenewal === null ? '-' : formatTime(one.nextRenewal),
    one.problem,
  ]);
  const titles = ['LISTENER', 'SOURCE', 'NAMES', 'ISSUER', 'KEY', 'EXPIRES', 'OCSP', 'NEXT', 'PROBLEM'];
  return `${formatTable(titles, rows)}\n`;
}

function formatNames(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).join(' ');
  return names.length > MAX_NAMES ? `${shown} +${names.length - MAX_NAMES}` : shown;
}

function formatExpiry(time: string | null, now: number): string {
  if (time === null) return 'not issued yet';
  const days = Math.floor((Date.parse(time) - now) / DAY_MS);
  return days < 0 ? `${time.slice(0, 10)} (expired)` : `${time.slice(0, 10)} (${days} days)`;
}

/** To the minute, in UTC. */
function formatTime(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)}`;
}
