// Policy: answers with a fixed response instead of going on.
import { Fields } from '#http/fields.ts';
import { fixedBody } from '#model/body.ts';
import { definePolicy } from '#model/policy.ts';
import { compileTemplate, templateProblem } from '#model/template.ts';
import { s } from '#schema/blocks.ts';

export const respond = definePolicy({
  type: 'respond',
  summary: 'Answers with a fixed response instead of going on.',
  options: () =>
    s.object({
      status: s.integer({ min: 200, max: 599 }).default(200).describe('Status.'),
      body: s
        .checked((text) => templateProblem(text))
        .prefault('')
        .describe('Content; may hold variables.'),
      'content-type': s
        .fieldValue()
        .prefault('text/plain; charset=utf-8')
        .describe('Content-Type, when there is content.'),
    }),
  example: 'type: respond\nstatus: 503\nbody: Back at noon.',
  create(options) {
    const content = compileTemplate(options.body);
    return () => (exchange) => {
      exchange.answeredBy = 'respond';
      const body = Buffer.from(content(exchange));
      const fields = new Fields();
      if (body.length > 0) fields.set('content-type', options['content-type']);
      return {
        status: options.status,
        reason: '',
        fields,
        length: body.length,
        body: body.length > 0 ? fixedBody(body) : undefined,
        tunnel: undefined,
      };
    };
  },
});
