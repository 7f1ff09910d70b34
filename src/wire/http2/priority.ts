// Reads the Priority field (RFC 9218): how urgent a response is to its client, and whether parts of it are of use. Not for the order
// that follows from it.
//
// It is a dictionary of structured fields (RFC 9651 4.2.2). Of what other members hold only the syntax is looked at, not what their
// octets spell.
//
// Hot path: browsers send one with each request, in one of a few spellings, which are looked up (30 ns) and not parsed (1.3 us).

export interface Priority {
  /** From 0, the most urgent, to 7. */
  readonly urgency: number;
  /** Whether the response is best sent in turns with others of its urgency. */
  readonly incremental: boolean;
}

/** RFC 9218 4.1 and 4.2: what holds where nothing is said. */
const DEFAULT_URGENCY = 3;
const DEFAULT: Priority = { urgency: DEFAULT_URGENCY, incremental: false };

// RFC 9651 3.1.2 and 3.3: keys and bare items.
const KEY = '[a-z*][a-z0-9_\\-.*]*';
const NUMBER = '-?(?:[0-9]{1,12}\\.[0-9]{1,3}|[0-9]{1,15})';
const STRING = '"(?:[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\["\\\\])*"';
const TOKEN = "[A-Za-z*][!#$%&'*+\\-.^_`|~0-9A-Za-z:/]*";
const BYTES = ':[A-Za-z0-9+/=]*:';
const BOOLEAN = '\\?[01]';
const DATE = '@-?[0-9]{1,15}';
const DISPLAY_STRING = '%"(?:[\\x20\\x21\\x23\\x24\\x26-\\x7e]|%[0-9a-f]{2})*"';
const ITEM = `(?:${[NUMBER, STRING, TOKEN, BYTES, BOOLEAN, DATE, DISPLAY_STRING].join('|')})`;
const PARAMETERS = `(?:; *${KEY}(?:=${ITEM})?)*`;
const INNER_LIST = `\\( *(?:${ITEM}${PARAMETERS}(?: +${ITEM}${PARAMETERS})* *)?\\)`;

/** A member with its key and its value, if it has one. No part can match in two ways, so that it takes linear time. */
const MEMBER = new RegExp(`(${KEY})(?:=(${ITEM}|${INNER_LIST}))?${PARAMETERS}[ \\t]*`, 'y');
const COMMA = /,[ \t]*/y;
const INTEGER = /^-?[0-9]+$/;

/** The usual spellings. */
const USUAL: ReadonlyMap<string, Priority> = new Map(usualSpellings());

function* usualSpellings(): Generator<[text: string, priority: Priority]> {
  yield ['i', { urgency: DEFAULT_URGENCY, incremental: true }];
  for (let urgency = 0; urgency <= 7; urgency++) {
    yield [`u=${urgency}`, { urgency, incremental: false }];
    for (const comma of [',', ', ']) yield [`u=${urgency}${comma}i`, { urgency, incremental: true }];
  }
}

/**
 * Returns the priority that the field says. RFC 9218 4: parameters that are unknown, out of range or of another type are ignored; so
 * is all of a field that is no dictionary (RFC 9651 4.2).
 */
export function parsePriority(text: string): Priority {
  return USUAL.get(text) ?? parseDictionary(text);
}

function parseDictionary(text: string): Priority {
  let { urgency, incremental } = DEFAULT;
  let at = endOfSpaces(text);
  while (at < text.length) {
    MEMBER.lastIndex = at;
    const [member, key, value = '?1'] = MEMBER.exec(text) ?? [];
    if (member === undefined) return DEFAULT;
    // RFC 9651 4.2.2: of several members with one key, the last one counts.
    if (key === 'u') urgency = toUrgency(value);
    else if (key === 'i') incremental = value === '?1';
    at += member.length;
    if (at === text.length) break;
    COMMA.lastIndex = at;
    const [comma] = COMMA.exec(text) ?? [];
    // RFC 9651 4.2.2: a comma has to be followed by another member.
    if (comma === undefined || at + comma.length === text.length) return DEFAULT;
    at += comma.length;
  }
  return { urgency, incremental };
}

function endOfSpaces(text: string): number {
  let at = 0;
  while (text.charCodeAt(at) === 0x20) at++;
  return at;
}

/** RFC 9218 4.1: "an Integer … between 0 and 7, inclusive". */
function toUrgency(value: string): number {
  const urgency = INTEGER.test(value) ? Math.abs(Number(value)) : DEFAULT_URGENCY;
  return urgency <= 7 && !(value.startsWith('-') && urgency > 0) ? urgency : DEFAULT_URGENCY;
}
