// The option `wake` of an upstream: how it is called back when it was scaled to zero, and what becomes of requests meanwhile.
import { type Output, s } from '#schema/blocks.ts';

export const wake = s.object({
  command: s
    .array(s.string())
    .min(1)
    .optional()
    .describe(
      'The hook as a program and its arguments, without a shell. Of the environment it finds PATH, HOME and TIDEGATE_UPSTREAM; it has done its part when it ends with the status 0.',
    ),
  url: s
    .checked((text) => (URL.canParse(text) && /^https?:/.test(text) ? undefined : `"${text}" is no http or https URL`))
    .optional()
    .describe('The hook as an http or https URL: it is sent a POST with {"upstream": name} and answers 2xx.'),
  headers: s
    .record(s.fieldValue())
    .default({})
    .describe('Fields of the request to url by name, such as Authorization.'),
  timeout: s
    .positiveDuration()
    .prefault('30s')
    .describe(
      'How long a request waits for a usable endpoint before it is answered 503, and how long the hook may take.',
    ),
  'max-waiting': s
    .integer({ min: 1, max: 1e6 })
    .default(1024)
    .describe('Requests of one worker that wait; more are answered 503 at once.'),
  'cool-down': s.duration().prefault('10s').describe('From the end of one call of the hook to the next.'),
});

export type WakeConfig = Output<typeof wake>;
