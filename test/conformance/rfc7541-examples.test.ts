// RFC 7541 Appendix C: the examples, decoded; the dynamic table is looked at by references to its entries.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackDecoder } from '#wire/http2/hpack/decoder.ts';
import type { HeaderField } from '#wire/http2/hpack/field.ts';
import { decodeFields, dynamicEntries, fromHex } from '#wire/http2/hpack/testing.ts';

const lines = (fields: readonly HeaderField[]) => fields.map(({ name, value }) => `${name}: ${value}`);
const bytesOf = (fields: readonly HeaderField[]) => fields.reduce((sum, { size }) => sum + size, 0);

interface Step {
  readonly section: string;
  readonly block: string;
  readonly fields: readonly string[];
  /** The dynamic table behind the block, and its size. */
  readonly table: readonly string[];
  readonly tableBytes: number;
}

function decodesInStep(name: string, maxTableBytes: number, steps: readonly Step[]): void {
  test(name, () => {
    const decoder = new HpackDecoder({ maxTableBytes });
    for (const { section, block, fields, table, tableBytes } of steps) {
      assert.deepEqual(lines(decodeFields(decoder, fromHex(block))), fields, section);
      const entries = dynamicEntries(decoder);
      assert.deepEqual(lines(entries), table, section);
      assert.equal(bytesOf(entries), tableBytes, section);
    }
  });
}

decodesInStep('RFC 7541 C.2.1: a literal with indexing gets into the table', 4096, [
  {
    section: 'C.2.1',
    block: '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
    fields: ['custom-key: custom-header'],
    table: ['custom-key: custom-header'],
    tableBytes: 55,
  },
]);

decodesInStep('RFC 7541 C.2.2: a literal without indexing does not get into the table', 4096, [
  {
    section: 'C.2.2',
    block: '040c 2f73 616d 706c 652f 7061 7468',
    fields: [':path: /sample/path'],
    table: [],
    tableBytes: 0,
  },
]);

test('RFC 7541 C.2.3: a literal that must not be indexed says so', () => {
  const decoder = new HpackDecoder({ maxTableBytes: 4096 });
  const [field] = decodeFields(decoder, fromHex('1008 7061 7373 776f 7264 0673 6563 7265 74'));
  assert.deepEqual([field?.name, field?.value, field?.neverIndexed], ['password', 'secret', true]);
  assert.deepEqual(dynamicEntries(decoder), []);
});

decodesInStep('RFC 7541 C.2.4: a reference to the static table', 4096, [
  { section: 'C.2.4', block: '82', fields: [':method: GET'], table: [], tableBytes: 0 },
]);

const FIRST_REQUEST = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const SECOND_REQUEST = [...FIRST_REQUEST, 'cache-control: no-cache'];
const THIRD_REQUEST = [
  ':method: GET',
  ':scheme: https',
  ':path: /index.html',
  ':authority: www.example.com',
  'custom-key: custom-value',
];
const FIRST_TABLE = [':authority: www.example.com'];
const SECOND_TABLE = ['cache-control: no-cache', ...FIRST_TABLE];
const THIRD_TABLE = ['custom-key: custom-value', ...SECOND_TABLE];

function requests(section: string, blocks: readonly [string, string, string]): Step[] {
  const [first, second, third] = blocks;
  return [
    { section: `${section}.1`, block: first, fields: FIRST_REQUEST, table: FIRST_TABLE, tableBytes: 57 },
    { section: `${section}.2`, block: second, fields: SECOND_REQUEST, table: SECOND_TABLE, tableBytes: 110 },
    { section: `${section}.3`, block: third, fields: THIRD_REQUEST, table: THIRD_TABLE, tableBytes: 164 },
  ];
}

decodesInStep(
  'RFC 7541 C.3: requests without Huffman coding',
  4096,
  requests('C.3', [
    '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
    '8286 84be 5808 6e6f 2d63 6163 6865',
    '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
  ]),
);

decodesInStep(
  'RFC 7541 C.4: requests with Huffman coding',
  4096,
  requests('C.4', [
    '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
    '8286 84be 5886 a8eb 1064 9cbf',
    '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
  ]),
);

const DATE = 'date: Mon, 21 Oct 2013 20:13:21 GMT';
const NEXT_DATE = 'date: Mon, 21 Oct 2013 20:13:22 GMT';
const LOCATION = 'location: https://www.example.com';
const PRIVATE = 'cache-control: private';
const COOKIE = 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';

function responses(section: string, blocks: readonly [string, string, string]): Step[] {
  const [first, second, third] = blocks;
  return [
    {
      section: `${section}.1`,
      block: first,
      fields: [':status: 302', PRIVATE, DATE, LOCATION],
      table: [LOCATION, DATE, PRIVATE, ':status: 302'],
      tableBytes: 222,
    },
    {
      section: `${section}.2`,
      block: second,
      fields: [':status: 307', PRIVATE, DATE, LOCATION],
      table: [':status: 307', LOCATION, DATE, PRIVATE],
      tableBytes: 222,
    },
    {
      section: `${section}.3`,
      block: third,
      fields: [':status: 200', PRIVATE, NEXT_DATE, LOCATION, 'content-encoding: gzip', COOKIE],
      table: [COOKIE, 'content-encoding: gzip', NEXT_DATE],
      tableBytes: 215,
    },
  ];
}

decodesInStep(
  'RFC 7541 C.5: responses without Huffman coding, with eviction from a table of 256 octets',
  256,
  responses('C.5', [
    `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e
     1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
    '4803 3330 37c1 c0bf',
    `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d
     4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572
     7369 6f6e 3d31`,
  ]),
);

decodesInStep(
  'RFC 7541 C.6: responses with Huffman coding, with eviction from a table of 256 octets',
  256,
  responses('C.6', [
    `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b
     97c8 e9ae 82ae 43d3`,
    '4883 640e ffc1 c0bf',
    `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf
     cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
  ]),
);
