// Which errors of a connection that never stood are an endpoint's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectError, refusedCertificate } from './connection-error.ts';

const errorOf = (code: string) => connectError(Object.assign(new Error(code), { code }));

test('an endpoint that cannot be reached is to blame, and another one may be asked', () => {
  for (const code of ['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND', 'EOTHER']) {
    const { side, retryable } = errorOf(code);
    assert.deepEqual([code, side, retryable], [code, 'origin', 'always']);
  }
});

test('no endpoint is to blame when this machine has no more descriptors, memory or ports', () => {
  for (const code of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRINUSE']) {
    const { side, retryable, message } = errorOf(code);
    assert.deepEqual([side, retryable, message], ['self', 'never', `no socket: ${code}`]);
  }
});

test('a handshake that fails has the error of RFC 9209, and nothing was sent', () => {
  for (const [code, expected] of [
    ['CERT_HAS_EXPIRED', 'tls_certificate_error'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_certificate_error'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls_certificate_error'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_certificate_error'],
    ['INVALID_PURPOSE', 'tls_certificate_error'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tls_alert_received'],
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'tls_alert_received'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tls_alert_received'],
    ['ERR_SSL_TLSV1_UNRECOGNIZED_NAME', 'tls_alert_received'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_protocol_error'],
    ['EPROTO', 'tls_protocol_error'],
    // Of Node.js, where the other side has closed within the handshake.
    ['ECONNRESET', 'tls_protocol_error'],
  ]) {
    const { code: name, retryable } = errorOf(code as string);
    assert.deepEqual([code, name, retryable], [code, expected, 'always']);
  }
  const reset = connectError(Object.assign(new Error('reset'), { code: 'ECONNRESET', syscall: 'read' }));
  assert.equal(reset.code, 'connection_refused');
});

test('an alert about our certificate ends a connection that nothing was read of; other alerts may come later', () => {
  const alert = (code: string) => refusedCertificate(Object.assign(new Error(code), { code }))?.retryable;
  assert.equal(alert('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), 'always');
  assert.equal(alert('ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE'), 'always');
  assert.equal(alert('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'), 'always');
  assert.equal(alert('ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR'), undefined);
  assert.equal(alert('ECONNRESET'), undefined);
  assert.equal(refusedCertificate(undefined), undefined);
});
