// What is wrong with a TLS handshake, and the alert that tells the client (RFC 8446 6.2, RFC 6066 3, RFC 7301 3.2).

const ALERTS = {
  unexpected_message: 10,
  record_overflow: 22,
  illegal_parameter: 47,
  decode_error: 50,
  protocol_version: 70,
  missing_extension: 109,
  unrecognized_name: 112,
  no_application_protocol: 120,
} as const;

export type AlertName = keyof typeof ALERTS;

export class TlsError extends Error {
  readonly alert: AlertName;

  constructor(alert: AlertName, message: string) {
    super(message);
    this.name = 'TlsError';
    this.alert = alert;
  }
}

/** The record of a fatal alert, as it is sent before anything was agreed on. */
export function writeAlert(alert: AlertName): Buffer {
  return Buffer.from([21, 3, 3, 0, 2, 2, ALERTS[alert]]);
}
