// What a listener with TLS answers to a connection that begins with something other than a ClientHello of TLS, by the clauses of RFC 8446.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { helloMessage, records } from '../support/client-hello.ts';
import { startTidegate } from '../support/gateway.ts';
import { connectRaw } from '../support/raw-client.ts';
import { authority, certificateFiles } from '../support/tls.ts';

const files = certificateFiles({ site: authority.issue({ names: ['site.test'] }) });

function start(t: TestContext) {
  return startTidegate(
    t,
    `
listeners:
  web: { address: '127.0.0.1:0', tls: { certificates: [{ cert: site.pem, key: site.key }] } }
routes: [{ name: all, match: { path: /* }, respond: { body: hello } }]
`,
    { files },
  );
}

const HELLO = helloMessage({ names: ['site.test'] });
const ALERT = { unexpected_message: '\x15\x03\x03\0\x02\x02\x0a', protocol_version: '\x15\x03\x03\0\x02\x02\x46' };

/** A ClientHello with this `legacy_version`. */
function helloOf(version: number): string {
  const message = Buffer.from(HELLO);
  message.writeUInt16BE(version, 4);
  return records(message).toString('latin1');
}

test('RFC 8446 5: a record of another type ahead of the ClientHello is answered by unexpected_message', async (t) => {
  const gateway = await start(t);
  const first = {
    change_cipher_spec: '\x14\x03\x03\0\x01\x01',
    alert: '\x15\x03\x03\0\x02\x01\x5a',
    application_data: '\x17\x03\x03\0\x05hello',
    heartbeat: '\x18\x03\x03\0\x03\x01\x40\0',
  };
  for (const [type, record] of Object.entries(first)) {
    const client = await connectRaw(t, gateway.port());
    await client.send(record);
    assert.equal(await client.reader.rest(), ALERT.unexpected_message, type);
  }
  for (const { reason } of await gateway.untilRecords(4))
    assert.equal(reason, 'TLS handshake, hello: the record is no handshake');
});

test('what is no record of TLS is answered by no alert', async (t) => {
  const gateway = await start(t);
  for (const bytes of ['SSH-2.0-x\r\n', '\x15\x01\x02', '\0\x01\x02']) {
    const client = await connectRaw(t, gateway.port());
    await client.send(bytes);
    assert.equal(await client.reader.rest(), '', JSON.stringify(bytes));
  }
});

test('RFC 8446 D.5: a ClientHello of SSL 3.0 is answered by protocol_version', async (t) => {
  const gateway = await start(t);
  const client = await connectRaw(t, gateway.port());
  await client.send(helloOf(0x0300));
  assert.equal(await client.reader.rest(), ALERT.protocol_version);
  const [record] = await gateway.untilRecords(1);
  assert.equal(record?.reason, 'TLS handshake, version: the client speaks SSL 3.0');
});
