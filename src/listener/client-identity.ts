// The fields by which endpoints are told who a client has proved to be.
import { CLIENT_FIELDS, type ClientCertificate, type ClientField } from '#model/tls.ts';

/** Field lines, ended by CRLF each; '' for nothing to tell. */
export function identityLines(client: ClientCertificate, forward: readonly ClientField[]): string {
  return forward
    .map((field) => [CLIENT_FIELDS[field], fieldValue(client, field)] as const)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

function fieldValue(client: ClientCertificate, field: ClientField): string {
  switch (field) {
    case 'certificate':
      return byteSequence(client.der);
    case 'chain':
      // RFC 9440 2.3: "a Structured Field List".
      return client.issuers.map(byteSequence).join(', ');
    default:
      return client[field];
  }
}

/** RFC 9651 3.3.5: base64 between colons. */
function byteSequence(bytes: Uint8Array): string {
  return `:${Buffer.from(bytes).toString('base64')}:`;
}
